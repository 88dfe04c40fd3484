/** @file Two models beside each other, tensor by tensor. */
import type { TensorDifference } from '../../engine/protocol.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';

/** `a`, `b`: ids of runs, or `dense`. Null where a job runs, or this one was cancelled or failed: the job says so. */
export async function compareTensors(
  studio: Studio,
  a: string,
  b: string,
): Promise<readonly TensorDifference[] | null> {
  if (isOccupied(studio)) return null;
  let tensors: readonly TensorDifference[] | null = null;
  const title = 'Comparing tensors';
  await runJob(studio, 'diff', title, [{ command: 'diff', label: title }], async (job) => {
    ({ tensors } = await job.run('diff', { a, b }));
  });
  return tensors;
}
