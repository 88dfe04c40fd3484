/**
 * @file Records the timeline of each job while it is switched on: it begins anew with a job, is looked at while that runs, and
 * stays when it has ended. Off, it listens to nothing and the engine keeps nothing.
 */
import { createStore, type StoreApi } from 'zustand/vanilla';
import { clock, type Lane } from '../../../pulse/timeline.ts';
import type { Window } from '../../../report/timeline/summary.ts';
import type { JobKind, JobState } from '../../store/job.ts';
import type { Studio } from '../../studio.ts';

/** What is known of a job. */
export interface Recorded {
  title: string;
  /** The job's, so far. */
  window: Window;
  lanes: readonly Lane[];
  isRunning: boolean;
}

export interface RecorderState {
  isOn: boolean;
  /** Of the job that runs, or ran last since recording was switched on. */
  recorded: Recorded | null;
}

/** Jobs of the page's own, which nobody asked for: they leave the one before to be looked at. */
const ASIDE: ReadonlySet<JobKind> = new Set(['start', 'recover', 'restore', 'discard']);

/** Between an answer and the next question while a job runs: each answer is a copy of all that is kept. */
const LOOK_MS = 2000;

export class Recorder {
  readonly store: StoreApi<RecorderState> = createStore(() => ({ isOn: false, recorded: null }));
  private stop: (() => void) | null = null;

  constructor(private readonly studio: Studio) {}

  turn(isOn: boolean): void {
    if (isOn === this.store.getState().isOn) return;
    this.store.setState({ isOn });
    if (isOn) this.stop = this.listen();
    else {
      this.stop?.();
      this.stop = null;
      this.tell(false).catch(() => undefined);
    }
  }

  /** Returns how to stop. */
  private listen(): () => void {
    /** The job that is recorded. */
    let at: { title: string; start: number } | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = (title: string) => {
      at = { title, start: clock() };
      clearTimeout(timer);
      // Posted before the first command of the job.
      this.tell(true).catch(() => undefined);
      this.store.setState({
        recorded: { title, window: { start: at.start, end: at.start }, lanes: [], isRunning: true },
      });
      timer = setTimeout(look, LOOK_MS);
    };
    const look = async () => {
      const of = at;
      if (!of) return;
      await this.take(of, true, () => at === of);
      if (at === of) timer = setTimeout(look, LOOK_MS);
    };
    const follow = (job: JobState, before: JobState) => {
      if (job.state === 'running') {
        if (ASIDE.has(job.kind)) at = null;
        else if (before.state !== 'running' || before.started_at !== job.started_at || before.kind !== job.kind)
          begin(job.title);
      } else if (at) {
        const of = at;
        at = null;
        clearTimeout(timer);
        void this.take(of, false, () => at === null);
      }
    };
    const { store } = this.studio;
    const { job } = store.getState();
    if (job.state === 'running' && !ASIDE.has(job.kind)) begin(job.title);
    const unsubscribe = store.subscribe((state, before) => {
      if (state.job !== before.job) follow(state.job, before.job);
    });
    return () => {
      at = null;
      clearTimeout(timer);
      unsubscribe();
    };
  }

  private async take(
    { title, start }: { title: string; start: number },
    isRunning: boolean,
    isWanted: () => boolean,
  ): Promise<void> {
    const end = clock();
    // An engine that died took its timeline along, and the next one knows of none: what was seen of it stays.
    const lanes = await this.studio.engine.run('timeline', {}).catch(() => null);
    if (!isWanted() || !this.store.getState().isOn) return;
    this.store.setState(({ recorded }) => ({
      recorded: {
        title,
        window: { start, end },
        lanes: lanes && lanes.length > 0 ? lanes : (recorded?.lanes ?? []),
        isRunning,
      },
    }));
  }

  private tell(record: boolean): Promise<unknown> {
    return this.studio.engine.run('timeline', { record });
  }
}

const recorders = new WeakMap<Studio, Recorder>();

/** One a studio: the switch and the card are chunks of their own. */
export function recorderOf(studio: Studio): Recorder {
  const recorder = recorders.get(studio) ?? new Recorder(studio);
  recorders.set(studio, recorder);
  return recorder;
}
