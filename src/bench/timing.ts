/** @file How the bench measures: warm up, then repeat for a while, then the median. */
import { median } from './median.ts';

const WARM_UPS = 2;
/** Enough repetitions for a median … */
const LEAST_REPEATS = 3;
const MOST_REPEATS = 50;
const BUDGET_MS = 2000;
/** … but what lasts longer than this is measured once, after one warm-up: on a software adapter it takes minutes else. */
const SLOW_MS = 2000;
/** One repetition lasts at least this long, so that a timer's grain and the wait for the device are small beside it. */
const LEAST_MS = 20;

/**
 * Median milliseconds of one call.
 * @param enqueue hands the work to the device. @param wait resolves when all of it is done.
 */
export async function medianMs(
  enqueue: () => unknown,
  wait: () => Promise<unknown>,
  budgetMs = BUDGET_MS,
): Promise<number> {
  const once = async (calls: number) => {
    const started = performance.now();
    for (let call = 0; call < calls; call++) await enqueue();
    await wait();
    return (performance.now() - started) / calls;
  };
  let warm = 0;
  for (let i = 0; i < WARM_UPS && warm < SLOW_MS; i++) warm = await once(1);
  if (warm >= SLOW_MS) return once(1);
  const calls = Math.max(1, Math.ceil(LEAST_MS / Math.max(warm, 0.01)));
  const times: number[] = [];
  const started = performance.now();
  while (times.length < LEAST_REPEATS || (performance.now() - started < budgetMs && times.length < MOST_REPEATS)) {
    times.push(await once(calls));
  }
  return median(times);
}
