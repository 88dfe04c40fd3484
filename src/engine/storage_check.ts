/**
 * @file Whether what a job will write has room, tried before it begins and not after minutes of work; and what to say where a
 * disk was full in the middle all the same.
 */
import { estimateSlicing, type JobMemory } from '../compress/slicegpt/estimate.ts';
import { constantDimensions, type HeadKind, type Schedule } from '../compress/slicegpt/plan.ts';
import { WhittleError } from '../errors/errors.ts';
import { listCache } from '../platform/hub/cache.ts';
import { readCheckpoint } from './kept/checkpoints.ts';
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

/** States that calibration cannot keep in memory, and the bases that rotate-once slices by later. Bytes. */
export function writtenByCalibration({ spill, bases }: JobMemory['storage']): number {
  return spill + bases;
}

/** Sliced weights; spilled states, too, where slicing calibrates itself as it goes. Bytes. */
export function writtenBySlicing({ spill, weights }: JobMemory['storage'], schedule: Schedule): number {
  return schedule === 'sequential' ? spill + weights : weights;
}

/**
 * @param job For people: "Slicing this model". @param needed Bytes of the browser's storage. @param less What makes them fewer, a sentence.
 * Throws `storage_full`; says nothing where nobody can tell.
 */
export async function assertStorage(
  platform: EnginePlatform,
  job: string,
  needed: number,
  less = 'Fewer or shorter calibration windows may need less.',
): Promise<void> {
  const free = await platform.freeStorage?.(needed).catch(() => undefined);
  if (free === undefined || needed <= free) return;
  throw new WhittleError({
    code: 'storage_full',
    message: `${job} writes up to ${megabytes(needed)} to the browser's storage, where ${megabytes(free)} fit.`,
    allowed: `at most ${megabytes(free)}`,
    // What can be deleted, and to try again, is told by `explainFullStorage`.
    action: `Nothing was begun. ${less}`.trim(),
  });
}

const SCRATCH = /^scratch-/;

/** Room is looked for up to here, to be told. */
const ENOUGH_TO_TELL = 8e9;

/** A full storage told with what fits now that the job has cleared up after itself, and what can be deleted here. */
export async function explainFullStorage(
  state: EngineState,
  platform: EnginePlatform,
  error: WhittleError,
): Promise<WhittleError> {
  const free = await platform.freeStorage?.(ENOUGH_TO_TELL).catch(() => undefined);
  const deletable = await deletableHere(state).catch(() => []);
  const room =
    deletable.length === 0
      ? 'Free disk space'
      : `Delete what is no longer needed (${deletable.join(', ')}) or free disk space`;
  const isBegun = error.allowed === undefined;
  const goesOn = isBegun && (await readCheckpoint(platform).catch(() => null)) !== null;
  const left = goesOn
    ? 'What was finished stays: started again, the job goes on behind its last finished layer.'
    : 'What was finished before stays; what this job had begun was removed.';
  return new WhittleError(
    {
      code: 'storage_full',
      message: error.message,
      // A person has no use for the name of a file that the job made for itself.
      place: SCRATCH.test(error.place?.file ?? '') ? undefined : error.place,
      allowed:
        error.allowed ??
        (free === undefined ? undefined : free > 0 ? `${megabytes(free)} fit now` : 'nothing more fits now'),
      action: `${isBegun ? left : (error.action ?? '')} ${room}, then try again.`.trim(),
    },
    { cause: error },
  );
}

/** For people: "2 downloaded models, 4.20 GB". */
async function deletableHere(state: EngineState): Promise<string[]> {
  const found: string[] = [];
  const { entries } = await listCache();
  const held = entries.reduce((sum, { held_bytes }) => sum + held_bytes, 0);
  if (held > 0)
    found.push(`${entries.length} downloaded ${entries.length === 1 ? 'model' : 'models'}, ${megabytes(held)}`);
  const runs = [...state.runs.values()].reduce((sum, { run }) => sum + run.bytes, 0);
  const { size } = state.runs;
  if (runs > 0)
    found.push(
      `${size} ${size === 1 ? 'run' : 'runs'} of this model, ${megabytes(runs)} and the exports of ${size === 1 ? 'it' : 'them'}`,
    );
  return found;
}
