/**
 * @file Prompts with the answers that a model shall learn, from JSON Lines: `prompt` and `completion`, with a `rationale` or
 * without, or Alpaca's `instruction`, `input` and `output`. Only what follows the prompt is learnt. A file may hold prompts alone,
 * for a teacher to answer.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Entry } from '../jsonl/entry.ts';
import { readJsonl } from '../jsonl/read_jsonl.ts';

export interface Pair {
  /** In the file, from 1. */
  readonly line: number;
  /** The text that the answer follows. */
  readonly prompt: string;
  /** What a person would say in a chat: an instruction without the frame that a plain text needs. */
  readonly message: string;
  /** Absent in a file of prompts. */
  readonly completion?: string;
  /** Why, where the teacher said so: a second thing to learn from the same prompt (arXiv 2305.02301). */
  readonly rationale?: string;
}

export type PairForm = 'completion' | 'instruction' | 'prompt' | 'task';

export interface Pairs {
  readonly file: string;
  readonly form: PairForm;
  readonly pairs: readonly Pair[];
}

const asked = (entry: Entry) => ({ prompt: entry.filledText('prompt'), message: entry.filledText('prompt') });

const instructed = (entry: Entry) => {
  const instruction = entry.filledText('instruction');
  const input = hasText(entry, 'input') ? entry.text('input') : '';
  return {
    prompt: alpacaPrompt(instruction, input),
    message: input === '' ? instruction : `${instruction}\n\n${input}`,
  };
};

/** A new form is one more row; the first whose fields a line has is its form. */
const FORMS: Readonly<Record<PairForm, { fields: readonly string[]; read(entry: Entry): Omit<Pair, 'line'> }>> = {
  completion: {
    fields: ['prompt', 'completion'],
    read: (entry) => ({
      ...asked(entry),
      completion: entry.filledText('completion'),
      ...(hasText(entry, 'rationale') && { rationale: entry.filledText('rationale') }),
    }),
  },
  instruction: {
    fields: ['instruction', 'output'],
    read: (entry) => ({
      ...instructed(entry),
      completion: entry.filledText('output'),
      ...(hasText(entry, 'rationale') && { rationale: entry.filledText('rationale') }),
    }),
  },
  prompt: { fields: ['prompt'], read: asked },
  task: { fields: ['instruction'], read: instructed },
};

/** null and an empty text stand for nothing there; anything else must be a text. */
function hasText(entry: Entry, field: string): boolean {
  return entry.has(field) && entry.value[field] !== null && entry.value[field] !== '';
}

/** As Stanford Alpaca was trained (github.com/tatsu-lab/stanford_alpaca, *Data Release*). */
export function alpacaPrompt(instruction: string, input: string): string {
  const task = 'Below is an instruction that describes a task';
  const wanted = 'Write a response that appropriately completes the request.';
  return input === ''
    ? `${task}. ${wanted}\n\n### Instruction:\n${instruction}\n\n### Response:\n`
    : `${task}, paired with an input that provides further context. ${wanted}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`;
}

/** @throws `bad_jsonl`, with line and field. */
export async function readPairs(file: string, blob: Blob): Promise<Pairs> {
  const pairs: Pair[] = [];
  let form: PairForm | undefined;
  for await (const entry of readJsonl(file, blob)) {
    form ??= formOf(entry);
    // An answer here and there would be passed over in silence.
    const answer = ['completion', 'output'].find((field) => !isAnswered(form) && hasText(entry, field));
    if (answer !== undefined) throw unlike(entry, answer);
    pairs.push({ line: entry.line, ...FORMS[form].read(entry) });
  }
  if (form) return { file, form, pairs };
  throw new WhittleError({
    code: 'bad_jsonl',
    message: 'The file holds no pairs.',
    place: { file },
    allowed: known(),
    action: 'Choose a file with at least one pair.',
  });
}

/** Whether files of this form hold answers. */
function isAnswered(form: PairForm | undefined): boolean {
  return form === 'completion' || form === 'instruction';
}

function unlike(entry: Entry, field: string): WhittleError {
  return entry.wrong(field, {
    allowed: 'nothing: the first line of this file has no answer, and all lines are alike',
    action: 'Keep prompts with answers and prompts without in two files.',
  });
}

/** A file has one form; its first line tells which. */
function formOf(entry: Entry): PairForm {
  const found = (Object.keys(FORMS) as PairForm[]).find((form) => entry.has(...FORMS[form].fields));
  if (found) return found;
  throw new WhittleError({
    code: 'bad_jsonl',
    message: `The fields of this line (${Object.keys(entry.value).slice(0, 8).join(', ') || 'none'}) are not those of a prompt.`,
    place: { file: entry.file, line: entry.line },
    allowed: known(),
    action: 'Rename the fields.',
  });
}

function known(): string {
  return 'prompt, completion and, if there is one, rationale; or instruction, input and output; without completion or output for prompts alone';
}
