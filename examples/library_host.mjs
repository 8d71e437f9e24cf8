import { Host } from "grip-lambda";
import { WebSocket } from "ws"; // from Node 22 on this is not needed

const functions = {
  greet: (body) => ({ hello: body }),
};

const host = new Host(null, functions, { WebSocket });
host.onUp(() => console.log(`call me at ${host.address("greet")}`));

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => host.close());
await host.run();
