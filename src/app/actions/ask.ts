/** @file Asking before something is lost, in the page and beside the work: no window over it, no stop of what runs. */
import { isAnyLost, type Losses, lossesOf, lossTexts } from '../store/losses.ts';
import type { Question } from '../store/question.ts';
import type { Studio } from '../studio.ts';

/** Resolves to the chosen answer's value, or to null. Another question takes the place of one that is open, which is refused. */
export function ask(studio: Studio, question: Question): Promise<string | null> {
  answer(studio, null);
  return new Promise((resolve) => {
    studio.answer = resolve;
    studio.store.setState({ question });
  });
}

export function answer(studio: Studio, value: string | null): void {
  const resolve = studio.answer;
  studio.answer = null;
  studio.store.setState({ question: null });
  resolve?.(value);
}

/**
 * Whether the open model may go: at once where nothing goes with it, or where the session keeps what was made of it.
 * @param discards What the deed takes away even of a session that is kept.
 */
export async function mayReplace(studio: Studio, title: string, deed: string, discards = false): Promise<boolean> {
  const { store } = studio;
  const losses = () => {
    const state = store.getState();
    return lossesOf(discards ? { ...state, sessions: { ...state.sessions, kept: 'no' } } : state);
  };
  const before = losses();
  if (!isAnyLost(before)) return true;
  const asked = ask(studio, questionOf(title, deed, before));
  // Jobs end and runs are saved while it stands there.
  let told = before;
  const stop = store.subscribe(({ question }) => {
    const now = losses();
    if (question?.title !== title || isSameLoss(now, told)) return;
    told = now;
    store.setState({ question: questionOf(title, deed, now) });
  });
  const chosen = await asked;
  stop();
  return chosen === 'go';
}

function questionOf(title: string, deed: string, losses: Losses): Question {
  const takes = losses.runs + losses.exports > 0;
  const label = takes ? `${deed} and discard` : losses.job === null ? deed : `${deed} and stop it`;
  const lines = [...lossTexts(losses), ...(losses.runs > 0 ? ['To keep a run, export it and save the files.'] : [])];
  if (lines.length === 0) lines.push('Nothing of it would be lost any more.');
  return { title, lines, answers: [{ value: 'go', label, is_final: isAnyLost(losses) }], refusal: 'Keep working' };
}

function isSameLoss(a: Losses, b: Losses): boolean {
  return a.job === b.job && a.runs === b.runs && a.exports === b.exports;
}
