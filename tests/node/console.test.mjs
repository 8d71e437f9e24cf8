// What the console writes for other clients, and how it tells things.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { bytes, client, duration, since } from "../../grip_lambda/web/static/console/format.js";
import * as snippets from "../../grip_lambda/web/static/console/snippets.js";

const CALL = {
  base: "http://localhost:7999/",
  to: "A".repeat(16),
  method: "greet",
  body: '{"name": "world"}',
  mode: "wait",
  wait: "",
  once: "",
};
const ODD = [
  '"it\'s $HOME `id` \\"x\\" \\\\"',
  '{"a\\/b": [true, false, null, 12345678901234567890, 1.0]}',
  '"true \\ud83d\\ude00 \u2028 é"',
  '"\\n"',
];

describe("a call as other clients write it", () => {
  it("is quoted for a shell", () => {
    for (const text of [...ODD, "", "a b", "-x", "*"]) {
      const told = execFileSync("sh", ["-c", `printf %s ${snippets.shell(text)}`], {
        encoding: "utf8",
      });
      assert.equal(told, text);
    }
  });

  it("is the same value in Python and JavaScript", () => {
    for (const text of ODD) {
      const script = `import json; print(json.dumps(${snippets.python(text)}))`;
      const told = execFileSync("python3", ["-c", script], { encoding: "utf8" });
      assert.deepEqual(JSON.parse(told), JSON.parse(text), text);
      assert.deepEqual(new Function(`return ${snippets.javascript(text)}`)(), JSON.parse(text));
    }
    assert.match(snippets.python(ODD[1]), /12345678901234567890, 1\.0/);
    const own = new Function(`return ${snippets.javascript('{"__proto__": 1}')}`)();
    assert.deepEqual(Object.keys(own), ["__proto__"]);
  });

  it("is complete", () => {
    assert.equal(
      snippets.curl({ ...CALL, mode: "async", wait: "5", once: "a b", keyed: true }),
      [
        `curl -X POST http://localhost:7999/lambda/${CALL.to}/greet`,
        '-H "Authorization: Bearer $GRIP_LAMBDA_KEY"',
        "-H 'Prefer: respond-async, wait=5'",
        "-H 'Idempotency-Key: a b'",
        "-i",
        `-d '{"name": "world"}'`,
      ].join(" \\\n  "),
    );
    assert.match(
      snippets.curl({ ...CALL, to: "service/a", method: "a b?", mode: "stream" }),
      /^curl -N -X POST http:\/\/localhost:7999\/service\/a\/a%20b%3F \\\n {2}-H 'Accept: text/,
    );
    assert.equal(
      snippets.command({ ...CALL, wait: "5", mode: "stream" }),
      `grip-lambda call --wait 5 --stream -- ${CALL.to} greet '{"name": "world"}'`,
    );
    assert.match(snippets.pythonCode({ ...CALL, body: "" }), /client\.call\("A+", "greet", None\)/);
    assert.match(
      snippets.javascriptCode({ ...CALL, once: "x", keyed: true }),
      /, \{ key \}\);\nconsole.log\(await client.call\("A+", "greet", .*, \{ idempotencyKey: "x" \}\)/,
    );
    assert.deepEqual(Object.keys(snippets.languages({ ...CALL, to: "service/a" })), ["curl"]);
  });
});

describe("how things are told", () => {
  it("is short", () => {
    assert.deepEqual([0, 900, 5000, 3e6].map(bytes), ["0 B", "900 B", "5.0 kB", "3.0 MB"]);
    assert.deepEqual([null, 4.23, 211, 5000, 61_000].map(duration), [
      "–",
      "4.2 ms",
      "211 ms",
      "5.00 s",
      "1 min 1 s",
    ]);
    assert.deepEqual([0, 5e3, 7.2e6, 2e8].map((ago) => since(0, ago)), [
      "now",
      "5 s",
      "2 h",
      "2 d",
    ]);
    assert.equal(client({ client: "Mozilla/5.0 (X11) Chrome/140.0 Safari/537.36" }), "Chrome tab");
    assert.equal(client({ client: "grip-lambda/0.1.0 x" }), "grip-lambda/0.1.0");
  });
});
