/**
 * @file After the engine's Worker died: a new one gets the backend, the model and the texts back, so that every command
 * works again. Runs stay, with their figures, finished exports and weights, wherever those were written down.
 */
import type { ErrorData, WhittleError } from '../../errors/errors.ts';
import { STARTED_ANEW } from '../store/failure.ts';
import { changeResults } from '../store/store.ts';
import { goingOnText, type Work } from '../store/work.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';
import { type Job, runJob } from './job.ts';
import { restoreRuns } from './restore_runs.ts';

/** Calls {@link recover} whenever an engine died. Returns how to stop. */
export function listenToEngine(studio: Studio): () => void {
  /** Deaths without a job in between that ended well. */
  let deaths = 0;
  const stopListening = studio.engine.onStopped((error) => {
    deaths += 1;
    void recover(studio, error, deaths);
  });
  const unsubscribe = studio.store.subscribe(({ job }, before) => {
    if (job !== before.job && job.state === 'finished' && job.outcome === 'done' && job.kind !== 'recover') deaths = 0;
  });
  return () => {
    stopListening();
    unsubscribe();
  };
}

/** @param deaths 1: all comes back. 2: opening the model may be what kills it, so only the backend does. Then nothing. */
async function recover(studio: Studio, error: WhittleError, deaths: number): Promise<void> {
  const { store } = studio;
  const { job } = store.getState();
  const during = job.state === 'running' ? job.title : null;
  const work = job.state === 'running' ? job.work : undefined;
  studio.preview_wanted = false;
  // An export has a card of its own, which tells it with what to do (`export_model.ts`); not where that would kill it again.
  const isOfCard = work?.kind === 'export' && deaths === 1;
  store.setState({ interruption: isOfCard ? null : interruptionOf(error, during, deaths) });
  changeResults(store, (results) => ({
    ...results,
    runs: results.runs.map((run) => ({ ...run, is_lost: true })),
    // The files are gone with the engine that read them.
    imatrix: null,
    examples: [],
    tasks: [],
    scores: {},
    removed: results.removed.map((run) => ({ ...run, is_lost: true })),
  }));
  // The job that it died in fails by itself; waited for, so that it is not told as cancelled.
  await studio.current?.done;
  if (deaths > 2) return;
  const steps = [
    { command: 'start', label: 'Looking for an adapter' },
    { command: 'open', label: 'Reading headers' },
    { command: 'set_texts', label: 'Tokenising the texts' },
    { command: 'restore', label: 'Finding the weights of its runs' },
  ] as const;
  const isBack = await runJob(
    studio,
    'recover',
    'Restarting the engine',
    deaths > 1 ? steps.slice(0, 1) : steps,
    (each) => restore(studio, each, deaths === 1),
  );
  if (!isBack || deaths > 1 || !work || !during) return;
  // A thread that went missing is no fault of the job.
  if (error.code !== 'engine_stalled' && !(await isToGoOn(studio, during, work))) return;
  const { goOn } = await import('../sessions/go_on.ts');
  await goOn(studio, work);
}

async function restore(studio: Studio, job: Job, withModel: boolean): Promise<void> {
  const { store } = studio;
  const { settings } = store.getState();
  const backend = await job.run('start', { backend: settings.backend });
  changeResults(store, (results) => ({ ...results, backend }));
  const { source, results } = store.getState();
  if (!withModel || !source || !results.model) return;
  await job.run('open', { source });
  await restoreRuns(studio, job);
}

/** What killed the engine once may do so again, so it is not begun by itself. */
async function isToGoOn(studio: Studio, title: string, work: Work): Promise<boolean> {
  const chosen = await ask(studio, {
    title: `${title} was broken off`,
    lines: [goingOnText(work)],
    answers: [{ value: 'go', label: 'Go on' }],
    refusal: 'Leave it',
  });
  return chosen === 'go';
}

/** For people: what happened, what is left, what to do. */
export interface Interruption {
  title: string;
  error: ErrorData;
}

function interruptionOf(error: WhittleError, during: string | null, deaths: number): Interruption {
  const actions = [
    STARTED_ANEW,
    'It was started anew, without the model: opening that seems to stop it. Open it again with fewer or shorter windows, or another one.',
    'It is not started again by itself. Save what is exported, then reload the page.',
  ];
  return {
    title: during ? `${during}: the engine stopped` : 'The engine stopped',
    error: { ...error.toData(), action: actions[Math.min(deaths, actions.length) - 1] },
  };
}
