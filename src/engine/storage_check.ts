/** @file Whether what a job will write has room, asked before it begins and not after minutes of work. */
import { estimateSlicing, type JobMemory } from '../compress/slicegpt/estimate.ts';
import { constantDimensions, type HeadKind, type Schedule } from '../compress/slicegpt/plan.ts';
import { WhittleError } from '../errors/errors.ts';
import { megabytes } from './memory_plan.ts';
import type { EnginePlatform } from './platform.ts';
import type { EngineState } from './state.ts';

/** What slicing the open model, calibrated on the chosen texts, will write. */
export function slicingStorage(
  state: EngineState,
  slicing: { schedule: Schedule; head: HeadKind; dimension: number },
): JobMemory['storage'] {
  const { shape } = state.requireModel().summary;
  const { calibration } = state.requireTexts();
  const { info } = state.requireBackend();
  const dimensions = constantDimensions(shape, slicing.dimension, slicing.head);
  const windows = { seqlen: calibration.seqlen, samples: calibration.count, eval_samples: 0 };
  return estimateSlicing(shape, { ...slicing, backend: info, windows, dimensions }).storage;
}

/** @param needed Bytes of the browser's storage. Throws `storage_full`; says nothing where the browser does not tell. */
export async function assertStorage(platform: EnginePlatform, job: string, needed: number): Promise<void> {
  const free = await platform.freeStorage?.().catch(() => undefined);
  if (free === undefined || needed <= free) return;
  throw new WhittleError({
    code: 'storage_full',
    message: `${job} writes up to ${megabytes(needed)} to the browser's storage, which has ${megabytes(free)} left for this site.`,
    allowed: `at most ${megabytes(free)}`,
    action:
      'Use fewer or shorter calibration windows, remove runs and downloaded models, or free disk space. Nothing was begun.',
  });
}
