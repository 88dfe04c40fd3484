/** @file What several parts of the page ask for at each move of a slider is found once. */

/** A pure function that answers the same arguments as the last time with the same object. */
export function remembered<Args extends readonly unknown[], Result>(
  find: (...args: Args) => Result,
): (...args: Args) => Result {
  let last: { args: Args; result: Result } | null = null;
  return (...args) => {
    if (!last || args.some((arg, i) => !Object.is(arg, last?.args[i]))) last = { args, result: find(...args) };
    return last.result;
  };
}
