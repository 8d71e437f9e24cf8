// Promises and timers.

/** Return a promise with what resolves it, which says whether that has happened. */
export function deferred() {
  const one = { done: false };
  one.promise = new Promise((resolve) => {
    one.resolve = (value) => {
      one.done = true;
      resolve(value);
    };
  });
  return one;
}

/** Call something after so many seconds; never, for Infinity. */
export function after(seconds, callback) {
  if (seconds === Infinity) return undefined;
  return setTimeout(callback, Math.min(Math.max(seconds, 0) * 1000, 2 ** 31 - 1));
}

/** Wait for so many seconds, or until a signal is aborted. */
export async function pause(seconds, signal) {
  const over = deferred();
  const timer = after(seconds, over.resolve);
  signal?.addEventListener("abort", over.resolve, { once: true });
  if (!signal?.aborted) await over.promise;
  clearTimeout(timer);
}
