/** @file `--prompt` and the options of what is written behind it: parsed, checked, sent, and printed beside the table. */
import type { GenerateRequest, ModelSummary } from '../engine/protocol.ts';
import type { Report } from '../engine/report.ts';
import type { TextFigures } from '../engine/report_texts.ts';
import { WhittleError } from '../errors/errors.ts';

export interface PromptOptions {
  text: string;
  /** `auto`: as a chat where the model has a template. */
  as: 'auto' | 'chat' | 'text';
  max_tokens: number;
  sampling: { temperature: number; top_k: number; top_p: number; repetition_penalty: number; seed: number };
}

const string = { type: 'string' } as const;

/** For `parseArgs`. */
export const PROMPT_SPEC = {
  prompt: string,
  'prompt-as': string,
  'max-tokens': string,
  temperature: string,
  'top-k': string,
  'top-p': string,
  'repetition-penalty': string,
  seed: string,
} as const;

export const PROMPT_USAGE = `  --prompt TEXT            what the model and every run write behind it, side by side
  --prompt-as NAME         auto | chat | text: by the chat template where there is one     (auto)
  --max-tokens N           of each text                             (64)
  --temperature X          0: the likeliest token each time         (0)
  --top-k N                only the N likeliest tokens; 0: all      (0)
  --top-p X                only the likeliest that have X together  (1)
  --repetition-penalty X   against what the text has already        (1)
  --seed N                 the same for every model                 (0)
`;

type Given = { readonly [K in keyof typeof PROMPT_SPEC]?: string };

const AS = ['auto', 'chat', 'text'] as const;

/** Undefined without a prompt. @throws `bad_option`, also for settings of a prompt that is not there. */
export function promptOptions(given: Given): PromptOptions | undefined {
  const { prompt: text } = given;
  if (text === undefined) {
    const idle = (Object.keys(PROMPT_SPEC) as (keyof Given)[]).find((name) => given[name] !== undefined);
    if (idle)
      throw bad(idle, `--${idle} says how a text is written, and there is no --prompt.`, '--prompt TEXT beside it');
    return undefined;
  }
  if (text.trim() === '') throw bad('prompt', 'The prompt is empty.', 'a text of at least one word');
  const as = AS.find((name) => name === (given['prompt-as'] ?? 'auto'));
  if (!as) throw bad('prompt-as', `--prompt-as is "${given['prompt-as']}".`, AS.join(', '));
  const number = (name: keyof Given, fallback: number, allowed: string, isAllowed: (value: number) => boolean) => {
    const value = given[name] === undefined ? fallback : numberOf(given[name]);
    if (isAllowed(value)) return value;
    throw bad(name, `--${name} is "${given[name]}".`, allowed);
  };
  const whole = (least: number) => (value: number) => Number.isInteger(value) && value >= least && value < 2 ** 32;
  return {
    text,
    as,
    max_tokens: number('max-tokens', 64, 'a whole number, at least 1', whole(1)),
    sampling: {
      temperature: number('temperature', 0, '0 to 10; 0: the likeliest token', (x) => x >= 0 && x <= 10),
      top_k: number('top-k', 0, 'a whole number; 0: all tokens', whole(0)),
      top_p: number('top-p', 1, 'above 0, at most 1', (x) => x > 0 && x <= 1),
      repetition_penalty: number('repetition-penalty', 1, 'above 0, at most 10; 1: none', (x) => x > 0 && x <= 10),
      seed: number('seed', 0, 'a whole number below 2³²', whole(0)),
    },
  };
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^\d*\.?\d+$|^\d+\.$/.test(text.trim()) ? Number(text) : Number.NaN;
}

/** The same for every model. */
export function generateRequest(
  { text, as, max_tokens, sampling }: PromptOptions,
  { has_chat_template }: ModelSummary,
): Omit<GenerateRequest, 'target'> {
  const isChat = as === 'chat' || (as === 'auto' && has_chat_template === true);
  return { prompt: isChat ? { messages: [{ role: 'user', content: text }] } : { text }, max_tokens, sampling };
}

/** What was written, a model after the other; empty without a prompt. @param labels Of the runs. */
export function textTable({ prompt, dense, runs }: Report, labels: readonly string[]): string {
  if (!prompt || !dense.text) return '';
  const settings =
    prompt.sampling.temperature === 0
      ? 'the likeliest token each time'
      : `temperature ${prompt.sampling.temperature}, top-k ${prompt.sampling.top_k || 'all'}, top-p ${prompt.sampling.top_p}, seed ${prompt.sampling.seed}`;
  const penalty = prompt.sampling.repetition_penalty;
  const head = `prompt      ${JSON.stringify(prompt.text)}, ${prompt.is_chat ? 'by the chat template' : 'as it stands'}; ${settings}${penalty === 1 ? '' : `, repetition penalty ${penalty}`}`;
  const texts = [['dense', dense.text] as const, ...runs.map(({ text }, i) => [labels[i], text] as const)];
  return `${[head, ...texts.map(([label, text]) => text && textLines(label, text))].filter(Boolean).join('\n')}\n\n`;
}

function textLines(label: string, { text, tokens, stopped, tokens_per_second, first_difference }: TextFigures): string {
  const facts = [
    `${tokens.length} token${tokens.length === 1 ? '' : 's'}`,
    ...(tokens_per_second === null ? [] : [`${tokens_per_second.toPrecision(3)} a second`]),
    { end_token: 'ended by itself', max_tokens: '', context_full: 'no more room' }[stopped],
    first_difference === undefined
      ? ''
      : first_difference === null
        ? 'as dense'
        : `parts from dense at token ${first_difference + 1}`,
  ].filter(Boolean);
  const indented = text.split('\n').map((line) => `    ${line}`.trimEnd());
  return `${label.padEnd(12)}${facts.join(', ')}\n${indented.join('\n')}`;
}

function bad(field: string, message: string, allowed: string): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field: `--${field}` }, allowed });
}
