/** @file Options of distillation from prompts and answers. */
import * as v from 'valibot';
import { choice, number } from '../options/fields.ts';
import { adapterFields, DATA, type ExampleOptions, TEMPLATE, type TrainingOptions } from '../train/options.ts';

export interface Options extends TrainingOptions, ExampleOptions {
  readonly form: 'instruction' | 'cot' | 'in_context';
  readonly shots: number;
  readonly soft: number;
  readonly rationale: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly max_tokens: number;
}

export const TEMPERATURE = number(
  { label: 'Temperature', help: 'Of the answers that the dense model writes; 0: the likeliest token, always.' },
  { min: 0, max: 10, value: 0.7 },
);
export const MAX_TOKENS = number(
  { label: 'Answer', help: 'Tokens that are written behind a prompt, at most.', unit: 'tokens' },
  { min: 1, max: 4096, value: 64, whole: true },
);

export const options = v.strictObject({
  form: choice(
    {
      label: 'Form',
      help: 'instruction: answers after their prompts. cot: answer and rationale as two tasks, told by a word before the prompt (“[label] ”, “[rationale] ”). in_context: as the dense model answers when it sees other examples first.',
    },
    ['instruction', 'cot', 'in_context'],
    'instruction',
  ),
  data: DATA,
  ...adapterFields(16),
  template: TEMPLATE,
  shots: number(
    {
      label: 'Shots',
      help: 'Of in_context: examples that the dense model sees before each prompt; the student sees none.',
    },
    { min: 1, max: 32, value: 4, whole: true },
  ),
  soft: number(
    {
      label: 'Soft',
      help: 'Of in_context: what the divergence from the dense model counts, of 1; the answer’s own tokens count the rest.',
    },
    { min: 0, max: 1, value: 0.5 },
  ),
  rationale: number(
    { label: 'Rationale', help: 'Of cot: what the loss of rationales counts beside that of answers.' },
    { min: 0, max: 100, value: 1 },
  ),
  temperature: TEMPERATURE,
  top_p: number(
    {
      label: 'Top p',
      help: 'Of answers that the dense model writes: only the likeliest tokens that have this probability together.',
    },
    { min: 0.01, max: 1, value: 1 },
  ),
  max_tokens: MAX_TOKENS,
});
