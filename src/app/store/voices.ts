/** @file Texts that models write behind one prompt, side by side; held by the card that shows them, not by the page's store. */
import type { ExportedChoice, GeneratedText } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import { type ExportEntry, exportKey, exportName, isOnnxFormat } from './exports.ts';
import { labelOf } from './front.ts';
import { findRun, isRebased, type Results } from './results.ts';
import type { StudioState } from './store.ts';

/** Who writes: a model in the app, or its exported file. */
export interface Speaker {
  key: string;
  target: 'dense' | string;
  file?: ExportedChoice;
  label: string;
  /** The label's end, which tells a file from its model: of a long label the middle is left out, never this. */
  end?: string;
}

export interface Voice extends Speaker {
  state: 'waiting' | 'writing' | 'done' | 'stopped' | 'failed';
  /** So far. */
  text: string;
  result?: GeneratedText;
  error?: ErrorData;
}

export interface SpeakSettings {
  temperature: number;
  top_k: number;
  top_p: number;
  repetition_penalty: number;
  seed: number;
  max_tokens: number;
}

export const SPEAK_SETTINGS: SpeakSettings = {
  temperature: 0,
  top_k: 40,
  top_p: 0.95,
  repetition_penalty: 1,
  seed: 0,
  max_tokens: 64,
};

/** Everything that can write now: the dense model, runs whose weights are here, and finished ONNX files of both. */
export function speakers(results: Results): Speaker[] {
  const { model, dense_exports, runs } = results;
  if (!model) return [];
  const ofFiles = (target: 'dense' | string, label: string, entries: readonly ExportEntry[]): Speaker[] =>
    entries
      .filter(({ state, choice }) => state === 'done' && isOnnxFormat(choice.format))
      .map(({ choice: { format, precision } }) => {
        const end = `, file: ${exportName({ format, precision })}`;
        const key = `${target} ${exportKey({ format, precision })}`;
        return { key, target, file: { format, precision }, label: label + end, end };
      });
  const made = runs.filter(({ is_lost }) => !is_lost);
  return [
    { key: 'dense', target: 'dense', label: 'dense' },
    ...made.map((run) => ({ key: run.id, target: run.id, label: labelOf(run) })),
    ...ofFiles('dense', 'dense', dense_exports),
    ...made.flatMap((run) => ofFiles(run.id, labelOf(run), run.exports)),
  ];
}

/** The run that the page speaks of: the chosen one, else the slider's newest, else the newest. Cheap: asked at every move of the slider. */
export function spokenOf({ selected, results }: Pick<StudioState, 'selected' | 'results'>): string | null {
  return selected ?? (results.runs.findLast(isRebased) ?? results.runs.at(-1))?.id ?? null;
}

/** Who writes unless chosen otherwise: the dense model, the run that is shown, and the run's newest file. */
export function usualSpeakers(results: Results, shown: string | null): string[] {
  const all = speakers(results);
  const run = shown !== null && findRun(results, shown) ? shown : undefined;
  const file = all.find((each) => each.file && each.target === (run ?? 'dense'));
  return [all.find(({ key }) => key === 'dense'), all.find(({ key }) => key === run), file].flatMap((each) =>
    each ? [each.key] : [],
  );
}

export function changeVoice(voices: readonly Voice[], key: string, change: (voice: Voice) => Partial<Voice>): Voice[] {
  return voices.map((voice) => (voice.key === key ? { ...voice, ...change(voice) } : voice));
}

/**
 * Where a text parts from the first one: a text until there, the word in which it parts, the rest. All of it is `same` while
 * it only is not as long yet.
 */
export function parting(text: string, first: string, isWhole: boolean): { same: string; word: string; rest: string } {
  let at = 0;
  while (at < text.length && text[at] === first[at]) at++;
  const isAhead = at === text.length && (!isWhole || at === first.length);
  if (isAhead) return { same: text, word: '', rest: '' };
  // Half of a character is not shown by itself.
  if (/[\udc00-\udfff]/.test(text[at] ?? '')) at--;
  const end = /^\s*\S*/.exec(text.slice(at))?.[0].length ?? 0;
  return { same: text.slice(0, at), word: text.slice(at, at + end), rest: text.slice(at + end) };
}
