/** @file A text that was dropped or pasted: nothing to open, but something to calibrate or to measure with. */
import type { TextSettings, TextSource } from '../../engine/protocol.ts';
import type { PickedFile } from '../../platform/dropped_files.ts';
import { formatBytes } from '../format.ts';
import { changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';
import { isOccupied } from './job.ts';
import { takeTasks } from './tasks.ts';

const TEXT_NAME = /\.(?:txt|text|md|raw|jsonl)$/i;
/** Parts of tokenizers that are called texts. */
const NO_PROSE = /^(?:merges|vocab|README|LICENSE)\b/i;

/** Whether all that came is one text or two, so that no model can be meant. */
export function areTexts(files: readonly PickedFile[]): boolean {
  return (
    files.length > 0 &&
    files.length <= 2 &&
    files.every(({ file }) => TEXT_NAME.test(file.name) && !NO_PROSE.test(file.name))
  );
}

/** Asks what the texts are for, and sets them; they are measured with when the person says so. */
export async function offerTexts(studio: Studio, files: readonly PickedFile[]): Promise<void> {
  const sources = files.map(({ file }): TextSource => ({ kind: 'file', file }));
  await offer(
    studio,
    sources,
    files.map(({ file }) => file.name),
  );
}

/**
 * Files of JSON Lines may be prompts with answers to train on, examples of tasks, or a text after all (of at most two). One that a step
 * of the recipe wants goes there; else it is asked what they are.
 */
export async function offerLines(studio: Studio, files: readonly PickedFile[]): Promise<void> {
  const own = files.map(({ file }) => file);
  const names = own.map(({ name }) => name).join(', ');
  if (isOccupied(studio)) {
    const lines = ['A job is running: drop them again once it has ended, or cancel it first.'];
    await ask(studio, { title: `${names} cannot be taken now`, lines, answers: [], refusal: 'OK' });
    return;
  }
  const { giveToStep, trainOn } = await import('./example_steps.ts');
  if (own.length === 1 && (await giveToStep(studio, own[0]))) return;
  const chosen = await ask(studio, {
    title: `${names}: JSON Lines`,
    lines: [
      'Multiple-choice examples can be scored; prompts (with answers) can be trained on, by steps that name the file; a text can calibrate or measure.',
    ],
    answers: [
      { value: 'tasks', label: own.length > 1 ? 'Score as tasks' : 'Score as a task' },
      { value: 'examples', label: 'Train on them' },
      ...(own.length <= 2 ? [{ value: 'text', label: 'Take as a text' }] : []),
    ],
    refusal: 'Neither',
  });
  if (chosen === 'tasks') await takeTasks(studio, own);
  if (chosen === 'examples') await trainOn(studio, own);
  if (chosen === 'text') await offerTexts(studio, files);
}

/** Shorter ones were hardly meant: a window of a model has hundreds of tokens. */
const LEAST_PASTED = 500;

export async function offerPasted(studio: Studio, text: string): Promise<void> {
  if (text.trim().length < LEAST_PASTED) return;
  const name = `pasted text, ${formatBytes(new Blob([text]).size)}`;
  await offer(studio, [{ kind: 'text', name, text }], [name]);
}

async function offer(studio: Studio, sources: readonly TextSource[], names: readonly string[]): Promise<void> {
  const [first, second] = names;
  const answers = second
    ? [
        { value: 'calibration', label: `Calibrate on ${first}` },
        { value: 'evaluation', label: `Calibrate on ${second}` },
      ]
    : [
        { value: 'calibration', label: 'Calibrate on it' },
        { value: 'evaluation', label: 'Evaluate on it' },
      ];
  const chosen = await ask(studio, {
    title: second ? `${first} and ${second} are texts, not a model` : `${first} is a text, not a model`,
    lines: [
      second
        ? 'One can calibrate slices, the other measures them.'
        : 'It can calibrate slices, or measure their perplexity; the two should not be the same text.',
    ],
    answers,
    refusal: 'Neither',
  });
  if (!chosen) return;
  const role = chosen as 'calibration' | 'evaluation';
  const other = role === 'calibration' ? 'evaluation' : 'calibration';
  const { texts } = studio.store.getState().settings;
  const change: Partial<TextSettings> = { [role]: sources[0], ...(sources[1] && { [other]: sources[1] }) };
  changeSettings(studio.store, { texts: { ...texts, ...change } });
}
