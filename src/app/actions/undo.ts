/** @file Undo and redo of what a person chose (`store/history.ts`); measurements are not taken back, they are run again. */
import { isPossible, joined, type Step, stepped, stepsBetween, stepText } from '../store/history.ts';
import type { StudioState } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied } from './job.ts';
import { measureMissing } from './open_model.ts';
import { preview } from './preview.ts';
import { putRunBack, takeRunAway } from './runs.ts';

/** Changes of the same fields within this are one step: a slider that is dragged, a word that is typed. */
const JOIN_MS = 1000;
const MOST_STEPS = 200;

export class History {
  private past: Step[] = [];
  private future: Step[] = [];
  private isOwn = false;
  private changed_at = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly studio: Studio,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Begins to remember. Returns how to stop. */
  start(): () => void {
    return this.studio.store.subscribe((state, before) => this.changed(state, before));
  }

  /** @returns What was taken back, for people; null where nothing could be. */
  undo(): string | null {
    return this.go('undo');
  }

  redo(): string | null {
    return this.go('redo');
  }

  private go(way: 'undo' | 'redo'): string | null {
    const [from, to] = way === 'undo' ? [this.past, this.future] : [this.future, this.past];
    const step = from.at(-1);
    // Runs are taken away, and brought back, between jobs only.
    if (!step || (step.kind === 'removal' && way === 'redo' && this.studio.current)) return null;
    from.pop();
    to.push(step);
    this.isOwn = true;
    try {
      this.apply(step, way);
    } finally {
      this.isOwn = false;
      this.changed_at = Number.NEGATIVE_INFINITY;
    }
    this.tell(`${way === 'undo' ? 'Undone' : 'Done again'}: ${stepText(step)}`);
    if (step.kind === 'fields') void this.follow(Object.keys(step.after));
    return stepText(step);
  }

  private apply(step: Step, way: 'undo' | 'redo'): void {
    const { studio } = this;
    if (step.kind === 'removal') {
      if (way === 'undo') putRunBack(studio, step.id);
      else takeRunAway(studio, step.id);
      return;
    }
    studio.store.setState((state) => ({
      ...stepped(state, step, way),
      // As turning the slider does: the result speaks of its settings.
      ...(step.kind === 'fields' && 'sparsity_percent' in step.after && { selected: null }),
    }));
  }

  /** What letting go of the control would have begun. */
  private async follow(names: readonly string[]): Promise<void> {
    const { studio } = this;
    if (!studio.store.getState().results.model) return;
    if (names.includes('fusion') && !isOccupied(studio)) await measureMissing(studio);
    else if (names.includes('sparsity_percent')) await preview(studio);
  }

  private changed(state: StudioState, before: StudioState): void {
    if (state.results.model !== before.results.model || state.sessions.reading !== before.sessions.reading) {
      // Steps of one model say nothing of another.
      this.past = [];
      this.future = [];
      this.tell();
      return;
    }
    if (state.results !== before.results) this.prune(state);
    if (this.isOwn) return;
    for (const step of stepsBetween(before, state)) this.add(step);
  }

  private add(step: Step): void {
    const at = this.now();
    const last = this.past.at(-1);
    const both = last && this.future.length === 0 && at - this.changed_at < JOIN_MS ? joined(last, step) : null;
    if (both) this.past[this.past.length - 1] = both;
    else this.past = [...this.past, step].slice(-MOST_STEPS);
    this.future = [];
    this.changed_at = at;
    this.tell();
  }

  /** Without what the engine has freed meanwhile, and what was put back by another button. */
  private prune({ results }: StudioState): void {
    if (this.isOwn) return;
    const count = this.past.length + this.future.length;
    this.past = this.past.filter((step) => isPossible(step, results, 'undo'));
    this.future = this.future.filter((step) => isPossible(step, results, 'redo'));
    if (count !== this.past.length + this.future.length) this.tell();
  }

  private tell(said?: string): void {
    const { store } = this.studio;
    const [undo, redo] = [this.past, this.future].map((steps) => {
      const last = steps.at(-1);
      return last ? stepText(last) : null;
    });
    const { steps } = store.getState();
    const next = { undo, redo, said: said ?? '' };
    if (steps.undo !== undo || steps.redo !== redo || steps.said !== next.said) store.setState({ steps: next });
  }
}

/** Remembers from now on. Returns how to stop. */
export function keepHistory(studio: Studio): () => void {
  const history = new History(studio);
  studio.history = history;
  const stop = history.start();
  return () => {
    studio.history = null;
    stop();
  };
}
