// What only shows after seconds. GRIP_LAMBDA_URL names a server that pings hosts every second.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Client, DeadlineExceeded } from "../../clients/js/grip-lambda.js";
import { client, hosted, network, until, useless } from "./support.mjs";

describe("silence", { concurrency: true }, () => {
  it("does not wait for a server that says nothing", async () => {
    const mute = await useless(() => {});
    const call = new Client(mute.url).call("A".repeat(16), "greet", null, { wait: 0.05 });
    await assert.rejects(call, DeadlineExceeded);
    assert.equal(mute.requests, 1);
    mute.close();
  });

  it("knows a connection on which nothing comes any more", async () => {
    const between = await network();
    await hosted({ url: between.url }, async (host, _, { ups, downs }) => {
      between.silence();
      await until(() => ups.length === 2, 15);
      assert.deepEqual(downs, ["the server fell silent"]);
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
    })();
    between.close();
  });

  it(
    "is not taken for silent while nothing happens",
    hosted({}, async (host, _, { downs }) => {
      await new Promise((resolve) => setTimeout(resolve, 8000)); // a silent one is dead after 7
      assert.deepEqual(downs, []);
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
    }),
  );
});
