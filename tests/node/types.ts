// Programs that the declarations must take, and some that they must not. Compiled, never run.

import { WebSocket } from "ws";

import {
  type Call,
  Client,
  type Context,
  Host,
  type Lambda,
  LambdaError,
  NotFound,
  type PendingCall,
  RemoteError,
  type Service,
  type ServiceEntry,
  type Stream,
} from "grip-lambda";

class Shop {
  async price(name: string, { signal }: { signal: AbortSignal }): Promise<number> {
    return signal.aborted ? 0 : name.length;
  }
  async *count(to: number, { progress, context }: Call): AsyncGenerator<number, string> {
    await progress({ of: to });
    const told: Context | null = context;
    told?.log(told.awsRequestId);
    told?.bill({ used: 7 });
    for (let number = 0; number < to; number++) yield number;
    return "counted";
  }
}

export async function programs(): Promise<void> {
  const host: Host = new Host("http://localhost:7999", new Shop(), { WebSocket, maxCalls: 8 });
  host.method("greet", (body, call) => ({ hello: body, aborted: call.signal.aborted }));
  host.method(async function later() {});
  host.fallback((method, body) => [method, body]);
  host.describe({ greet: { description: "Greets.", params: { type: "object" }, result: true } });
  host.onUp((id) => console.log(host.address("greet"), id.length));
  host.onDown((reason: string) => console.log(reason));
  host.onRetry(({ afterS, reason }) => console.log(afterS.toFixed(1), reason.length));
  host.retry();
  await host.start(5);
  const { id, token, isUp }: { id: string; token: string; isUp: boolean } = host;
  await host.close();

  const client = new Client(new URL("http://localhost:7999"), { retries: 0, headers: { A: "b" } });
  const untyped = await client.call(id, "greet");
  const typed: number = await client.call<number>(id, "price", "tea", { wait: 2.5 });
  const [first]: Lambda[] = await client.list();
  const since: Date | undefined = first?.timestamp;
  const methods: readonly string[] | null = (await client.get(id)).methods;
  await client.delete(id, token);
  await client.delete(id);
  const pending: PendingCall<number> = await client.submit<number>(id, "price", "tea");
  const price: number = await client.pending<number>(pending.id).result(2.5);
  if (!(await pending.done())) await pending.cancel();
  const stream: Stream<string> = client.stream<string>(id, "count", 3, { idempotencyKey: "k" });
  for await (const value of stream) console.log(value, price);
  const counted: string = await stream.result();
  await stream.close();
  console.log(counted);
  console.log(untyped, typed, since, methods, isUp);

  try {
    await client.call(id, "greet");
  } catch (error) {
    if (error instanceof RemoteError) console.log(error.error, error.code satisfies null);
    else if (error instanceof NotFound) console.log(error.message);
    else if (error instanceof LambdaError) console.log(error.status, error.code, error.mayHaveRun);
  }

  const service: Service = client.service("thumbnailer");
  const resized: number = await service.resize({ width: 3 }, { wait: 2 });
  for await (const { id, error, result } of service.all<number>("resize", 3, { wait: 2 })) {
    console.log(id.length, error?.host, result.toFixed());
  }
  const named: ServiceEntry[] = await client.services();
  const open: Lambda[] = await service.hosts();
  const price2: number = await client.bind(id).call<number>("price", "tea");
  console.log(resized, named[0]?.hosts, open.length, price2);
  new Host(null, null, { service: ["a", "b"] });

  new Host(null, null, { log: null, key: "gl_a_b", private: true, context: true });
  new Client(null, { key: "gl_a_b" });
  new Host(undefined, new Map([["greet", () => 1]]), { id, token, log: console });
  new RemoteError({ any: ["thing"] });

  // @ts-expect-error: an id is a string
  await client.call(7, "greet");
  // @ts-expect-error: the deadline is in the options
  await client.call(id, "greet", null, 10);
  // @ts-expect-error: this is how Python writes it
  new Host("http://localhost:7999", {}, { max_calls: 8 });
  // @ts-expect-error: nobody sets the id of a host
  host.id = "A";
  // @ts-expect-error: a stream is not a promise of its result
  const _wrong: string = await client.stream<string>(id, "count", 3);
  // @ts-expect-error: there is no such method
  host.stop();
}
