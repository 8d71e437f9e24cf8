// Progress that the functions of a host report.

const GENERATORS = ["Generator", "AsyncGenerator"];

/** Return what a function returned, at last; what a generator yields is reported. */
export async function ended(returned, { signal, progress }) {
  const steps = await returned;
  if (!GENERATORS.includes(steps?.[Symbol.toStringTag])) return steps;
  try {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
      signal.throwIfAborted();
      await progress(value);
    }
  } finally {
    await steps.return(); // where it has not ended, its own `finally` runs
  }
}
