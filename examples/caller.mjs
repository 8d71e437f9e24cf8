import { Client, LambdaError, RemoteError } from "grip-lambda";

const client = new Client();
try {
  console.log(await client.call(process.argv[2], "greet", { name: "world" }, { wait: 10 }));
} catch (error) {
  if (!(error instanceof LambdaError)) throw error;
  const done = error.mayHaveRun ? "may have been done" : "was not done";
  console.error(
    error instanceof RemoteError
      ? `the host answered: ${error.message}`
      : `${error.message} (${error.code}); the work ${done}`,
  );
  process.exitCode = 1;
}
