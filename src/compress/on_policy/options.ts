/** @file What trainings on the student's own texts share. */
import { number } from '../options/fields.ts';
import { adapterFields, DATA, type ExampleOptions, TEMPLATE, type TrainingOptions } from '../train/options.ts';

export interface OnPolicyOptions extends TrainingOptions, ExampleOptions {
  readonly prompt: number;
  readonly max_tokens: number;
}

export const onPolicyFields = {
  data: DATA,
  prompt: number(
    {
      label: 'Prompt',
      help: 'Without data: tokens at the beginning of a calibration window that the student goes on from.',
      unit: 'tokens',
    },
    { min: 1, max: 4096, value: 16, whole: true },
  ),
  max_tokens: number(
    { label: 'Sample', help: 'Tokens that the student writes behind a prompt, at most.', unit: 'tokens' },
    { min: 1, max: 4096, value: 64, whole: true },
  ),
  ...adapterFields(16),
  template: TEMPLATE,
};
