/**
 * @file Prompts with the answers that a model shall learn, from JSON Lines: `prompt` and `completion`, with a `rationale` or
 * without, or Alpaca's `instruction`, `input` and `output`. Only what follows the prompt is learnt.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Entry } from '../jsonl/entry.ts';
import { readJsonl } from '../jsonl/read_jsonl.ts';

export interface Pair {
  /** In the file, from 1. */
  readonly line: number;
  readonly prompt: string;
  readonly completion: string;
  /** Why, where the teacher said so: a second thing to learn from the same prompt (arXiv 2305.02301). */
  readonly rationale?: string;
}

export type PairForm = 'completion' | 'instruction';

export interface Pairs {
  readonly file: string;
  readonly form: PairForm;
  readonly pairs: readonly Pair[];
}

/** A new form is one more row. */
const FORMS: Readonly<Record<PairForm, { fields: readonly string[]; read(entry: Entry): Omit<Pair, 'line'> }>> = {
  completion: {
    fields: ['prompt', 'completion'],
    read: (entry) => ({
      prompt: entry.filledText('prompt'),
      completion: entry.filledText('completion'),
      ...(hasText(entry, 'rationale') && { rationale: entry.filledText('rationale') }),
    }),
  },
  instruction: {
    fields: ['instruction', 'output'],
    read: (entry) => ({
      prompt: alpacaPrompt(entry.filledText('instruction'), hasText(entry, 'input') ? entry.text('input') : ''),
      completion: entry.filledText('output'),
    }),
  },
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

/**
 * @param rationales Whether every pair must have one.
 * @throws `bad_jsonl`, with line and field.
 */
export async function readPairs(file: string, blob: Blob, rationales: 'needed' | 'taken' = 'taken'): Promise<Pairs> {
  const pairs: Pair[] = [];
  let form: PairForm | undefined;
  for await (const entry of readJsonl(file, blob)) {
    form ??= formOf(entry);
    const pair = FORMS[form].read(entry);
    if (rationales === 'needed' && pair.rationale === undefined) {
      throw entry.wrong('rationale', {
        allowed: 'a text that is not blank',
        action: 'Add why the answer is right, or leave the line out.',
      });
    }
    pairs.push({ line: entry.line, ...pair });
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

/** A file has one form; its first line tells which. */
function formOf(entry: Entry): PairForm {
  const found = (Object.keys(FORMS) as PairForm[]).find((form) => entry.has(...FORMS[form].fields));
  if (found) return found;
  throw new WhittleError({
    code: 'bad_jsonl',
    message: `The fields of this line (${Object.keys(entry.value).slice(0, 8).join(', ') || 'none'}) are not those of a prompt with its answer.`,
    place: { file: entry.file, line: entry.line },
    allowed: known(),
    action: 'Rename the fields.',
  });
}

function known(): string {
  return 'prompt, completion and, if there is one, rationale; or instruction, input and output';
}
