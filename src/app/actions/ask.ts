/** @file Asking before something is lost, in the page and beside the work: no window over it, no stop of what runs. */
import { isAnyLost, lossesOf, lossTexts } from '../store/losses.ts';
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
  const state = studio.store.getState();
  const losses = lossesOf(discards ? { ...state, sessions: { ...state.sessions, kept: 'no' } } : state);
  if (!isAnyLost(losses)) return true;
  const takes = losses.runs + losses.exports > 0;
  const lines = [...lossTexts(losses), ...(losses.runs > 0 ? ['To keep a run, export it and save the files.'] : [])];
  const answers = [{ value: 'go', label: takes ? `${deed} and discard` : `${deed} and stop it`, is_final: true }];
  return (await ask(studio, { title, lines, answers, refusal: 'Keep working' })) === 'go';
}
