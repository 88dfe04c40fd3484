/**
 * @file What a tab that nobody looks at says: its title has the share that is done, and a notification comes at the end of a job,
 * where the person asked for it.
 */
import { formatClock } from './format.ts';
import { type JobState, jobFraction } from './store/job.ts';
import type { StudioState } from './store/store.ts';
import type { Studio } from './studio.ts';

const NAME = 'Whittle';

/** "38 % · Whittle" while a job runs; what became of it while nobody looks. */
export function pageTitle({ job, durations }: Pick<StudioState, 'job' | 'durations'>, isHidden: boolean): string {
  if (job.state === 'running' && job.kind !== 'start') {
    return `${Math.floor(100 * jobFraction(job, durations))} % · ${NAME}`;
  }
  const outcome = isHidden ? outcomeOf(job) : null;
  return outcome ? `${outcome} · ${NAME}` : NAME;
}

function outcomeOf(job: JobState): string | null {
  if (job.state === 'failed') return 'Failed';
  return job.state === 'finished' && job.outcome === 'done' ? 'Done' : null;
}

/** Whether this job's end is told; quick measures end too often. */
function isTold(job: JobState): job is Extract<JobState, { state: 'finished' | 'failed' }> {
  return outcomeOf(job) !== null && 'kind' in job && job.kind !== 'preview' && job.kind !== 'start';
}

/** Returns how to stop. */
export function tellInBackground({ store }: Studio): () => void {
  const update = () => {
    const title = pageTitle(store.getState(), document.hidden);
    if (document.title !== title) document.title = title;
  };
  const stop = store.subscribe((state, before) => {
    update();
    if (state.job !== before.job && state.notify && document.hidden && isTold(state.job)) show(state.job);
  });
  document.addEventListener('visibilitychange', update);
  update();
  return () => {
    stop();
    document.removeEventListener('visibilitychange', update);
    document.title = NAME;
  };
}

function show(job: Extract<JobState, { state: 'finished' | 'failed' }>): void {
  const text = job.state === 'failed' ? job.error.message : `Done in ${formatClock(job.duration_ms / 1000)}.`;
  try {
    const note = new Notification(job.title, { body: text, icon: './icon.svg', tag: 'whittle-job' });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  } catch {
    // Chrome on Android shows them from a service worker only: the title says it all the same.
  }
}
