/** @file Runs one job: a list of engine commands under one progress bar and one Cancel. */
import type { CommandKind, Commands, EngineEvent } from '../../engine/protocol.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { applyProgress, enterStep, type JobKind, type JobStep, startJob } from '../store/job.ts';
import { addTraining, addWindow } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Work } from '../store/work.ts';
import type { Studio } from '../studio.ts';

/** Where one of these fails, what came before it in the job is there: it is told by its own name, not by the job's. */
const TOLD_APART: ReadonlySet<CommandKind> = new Set<CommandKind>([
  ...(['set_texts', 'measure_time', 'evaluate', 'calibrate', 'compress'] as const),
]);

export interface Job {
  readonly signal: AbortSignal;
  /** Runs the next step of the job. Progress and windows reach the store; `onEvent` sees every event too. */
  run<K extends CommandKind>(
    kind: K,
    request: Commands[K]['request'],
    onEvent?: (event: EngineEvent) => void,
  ): Promise<Commands[K]['result']>;
}

/**
 * Cancels the job that runs, waits until the engine is free, then runs `body`. Never rejects: a failure becomes the
 * job's state. Resolves to whether the body came to its end.
 */
export async function runJob(
  studio: Studio,
  kind: JobKind,
  title: string,
  steps: readonly JobStep[],
  body: (job: Job) => Promise<void>,
  work?: Work,
): Promise<boolean> {
  const { store } = studio;
  const controller = new AbortController();
  let release = () => {};
  const before = studio.current;
  studio.current = { kind, controller, done: new Promise((resolve) => (release = resolve)) };
  before?.controller.abort();
  await before?.done;
  const started_at = Date.now();
  if (!controller.signal.aborted) {
    store.setState(({ interruption, repeat }) => ({
      job: { ...startJob(kind, title, steps, started_at), ...(work && { work }) },
      // Who goes on has read it.
      repeat: kind === 'preview' ? repeat : null,
      interruption: kind === 'recover' || kind === 'restore' ? interruption : null,
    }));
  }
  try {
    controller.signal.throwIfAborted();
    assertOwn(studio, kind);
    await body(jobSteps(studio, kind, controller.signal));
    controller.signal.throwIfAborted();
    const duration_ms = Date.now() - started_at;
    store.setState({
      job: kind === 'start' ? { state: 'idle' } : { state: 'finished', kind, title, outcome: 'done', duration_ms },
    });
    return true;
  } catch (thrown) {
    const error = toErrorData(thrown);
    const duration_ms = Date.now() - started_at;
    // An error that a cancelled command leaves behind is the cancel, whatever its code.
    if (error.code === 'cancelled' || controller.signal.aborted) {
      store.setState({ job: { state: 'finished', kind, title, outcome: 'cancelled', duration_ms } });
    } else {
      store.setState(({ job }) => {
        const step = job.state === 'running' ? job.steps[job.index] : undefined;
        const isLater = job.state === 'running' && job.index > 0;
        const told = isLater && step && TOLD_APART.has(step.command) ? step.label : title;
        return { job: { state: 'failed', kind, title: told, error, ...(step && { command: step.command }) } };
      });
    }
    return false;
  } finally {
    if (studio.current?.controller === controller) studio.current = null;
    release();
  }
}

/** What another tab works in is only looked at here. */
function assertOwn({ store }: Studio, kind: JobKind): void {
  const { reading, waiting } = store.getState().sessions;
  if (!reading || kind === 'open' || kind === 'start' || kind === 'restore' || kind === 'download') return;
  if (waiting?.id === reading.id)
    throw new WhittleError({
      code: 'bad_session',
      message: `Of ${reading.name} only the figures are here: a project holds no weights.`,
      action: `Drop the files of ${reading.model}, or choose them, and it goes on.`,
    });
  throw new WhittleError({
    code: 'bad_session',
    message: `${reading.name} is open in another tab; this one only shows it as it was saved last.`,
    action: 'Go on in that tab. Or close it and open the session here.',
  });
}

function jobSteps(studio: Studio, jobKind: JobKind, signal: AbortSignal): Job {
  const { store, engine } = studio;
  let index = -1;
  return {
    signal,
    async run(kind, request, onEvent) {
      signal.throwIfAborted();
      index += 1;
      const at = index;
      const evaluating = kind === 'evaluate' ? (request as Commands['evaluate']['request']).target : undefined;
      store.setState(({ job }) => ({ job: enterStep(job, at, evaluating) }));
      const started_at = performance.now();
      const result = await engine.run(kind, request, {
        signal,
        onEvent(event) {
          if (signal.aborted) return;
          studio.metrics.event(kind, event);
          if (event.type === 'progress') {
            const { memory } = event;
            store.setState(({ job }) => ({ job: applyProgress(job, event, Date.now()), memory }));
          }
          if (event.type === 'window') changeResults(store, (results) => addWindow(results, event));
          if (event.type === 'training') changeResults(store, (results) => addTraining(results, event));
          onEvent?.(event);
        },
      });
      // Another model's figures are another log; one that comes back goes on with its own.
      if (kind === 'open' && jobKind === 'open') studio.metrics.clear();
      if (kind !== 'open' || jobKind === 'open') studio.metrics.result(kind, result);
      store.setState(({ durations }) => ({ durations: { ...durations, [kind]: performance.now() - started_at } }));
      return result;
    },
  };
}

/** Stops the job that runs; everything measured so far stays. */
export function cancelJob(studio: Studio): void {
  // Without backend and model no command works.
  if (!studio.current || studio.current.kind === 'recover') return;
  studio.preview_wanted = false;
  studio.store.setState(({ job }) => (job.state === 'running' ? { job: { ...job, cancelling: true } } : {}));
  studio.current.controller.abort();
}

/** Whether a job runs that only its own end or Cancel may stop; a quick measure makes way for anything. */
export function isOccupied({ current }: Studio): boolean {
  return current !== null && current.kind !== 'preview';
}
