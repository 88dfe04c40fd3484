/**
 * @file The forms in which tasks are written, and the texts that each makes of an example: those of lm-evaluation-harness
 * (0.4.13: `tasks/piqa`, `tasks/arc`, `tasks/hellaswag`, `tasks/winogrande`), without examples before them. Field names
 * are those of the data sets on the Hub and of their authors' own files.
 */
import type { Entry } from '../jsonl/entry.ts';
import { capitalize, strip } from './python_text.ts';
import type { Candidate, Example } from './task.ts';

/** A new form is one more row. */
export interface TaskForm {
  readonly name: string;
  /** An object that has all of these is of this form. */
  readonly fields: readonly string[];
  readonly has_norm: boolean;
  read(entry: Entry): Omit<Example, 'line'>;
}

const NO_ANSWERS = 'Published test sets have no answers: take the validation set.';

/** Every choice behind the same context, a blank between. */
function behind(context: string, choices: readonly string[]): Candidate[] {
  return choices.map((choice) => ({ context, continuation: ` ${choice}`, choice }));
}

const piqa: TaskForm = {
  name: 'piqa',
  fields: ['goal', 'sol1', 'sol2'],
  has_norm: true,
  read(entry) {
    const context = `Question: ${entry.text('goal')}\nAnswer:`;
    const action = `${NO_ANSWERS} PIQA's own files have theirs in labels.lst: write each as "label" into its line.`;
    return {
      candidates: behind(context, [entry.filledText('sol1'), entry.filledText('sol2')]),
      gold: entry.index('label', 0, 1, action),
    };
  },
};

/** The Hub's: a question and lists of texts and labels. The authors': a stem with a list of choices. */
const arc: TaskForm = {
  name: 'arc',
  fields: ['question', 'answerKey'],
  has_norm: true,
  read(entry) {
    const isNested = typeof entry.value.question === 'object';
    const question = isNested ? entry.object('question').text('stem') : entry.text('question');
    const { texts, labels } = isNested ? listed(entry.object('question')) : columns(entry.object('choices'));
    const gold = labels.indexOf(entry.text('answerKey'));
    if (gold < 0)
      throw entry.wrong('answerKey', { allowed: `one of the labels ${labels.join(', ')}`, action: NO_ANSWERS });
    return { candidates: behind(`Question: ${question}\nAnswer:`, texts), gold };
  },
};

function listed(question: Entry): { texts: string[]; labels: string[] } {
  const choices = question.objects('choices');
  return {
    texts: choices.map((choice) => choice.filledText('text')),
    labels: choices.map((choice) => choice.text('label')),
  };
}

function columns(choices: Entry): { texts: string[]; labels: string[] } {
  const texts = choices.texts('text', 1);
  const labels = choices.texts('label', 1);
  if (labels.length === texts.length) return { texts, labels };
  throw choices.wrong('label', { allowed: `a list of ${texts.length} labels, one for each text` });
}

const hellaswag: TaskForm = {
  name: 'hellaswag',
  fields: ['activity_label', 'ctx_a', 'ctx_b', 'endings'],
  has_norm: true,
  read(entry) {
    const context = `${entry.text('activity_label')}: ${entry.text('ctx_a')} ${capitalize(entry.text('ctx_b'))}`;
    const endings = entry.texts('endings', 2).map(withoutMarks);
    const gold = entry.index('label', 0, endings.length - 1, NO_ANSWERS);
    return { candidates: behind(withoutMarks(context), endings), gold };
  },
};

/** WikiHow's articles left their headings' marks in the texts. */
function withoutMarks(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}

/** Partial scoring: what follows the blank is scored behind each of the words that may fill it (Trinh and Le, 1806.02847). */
const winogrande: TaskForm = {
  name: 'winogrande',
  fields: ['sentence', 'option1', 'option2'],
  has_norm: false,
  read(entry) {
    const sentence = entry.text('sentence');
    const blank = sentence.indexOf('_');
    if (blank < 0) throw entry.wrong('sentence', { allowed: 'a sentence with a blank, written "_"' });
    const continuation = ` ${strip(sentence.slice(blank + 1))}`;
    const filled = ['option1', 'option2'].map((option) => sentence.slice(0, blank) + entry.filledText(option));
    return {
      candidates: filled.map((context) => ({ context, continuation, choice: context })),
      gold: entry.index('answer', 1, 2, NO_ANSWERS) - 1,
    };
  },
};

export const TASK_FORMS: readonly TaskForm[] = [piqa, arc, hellaswag, winogrande];
