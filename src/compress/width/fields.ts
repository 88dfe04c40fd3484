/** @file Options of every method that removes whole units: see `prune_model.ts`. */
import { choice } from '../options/fields.ts';

export const UNITS = choice(
  { label: 'Units', help: 'What is removed. Heads are few and each matters; channels alone do less harm.' },
  ['heads+channels', 'channels'],
  'heads+channels',
);

export const BUDGET = choice(
  {
    label: 'Budget',
    help: 'uniform: the same share of every layer, which other tools can load. global: as many in all, where they are worth least; layers then differ, and only Whittle and ONNX hold them.',
  },
  ['uniform', 'global'],
  'uniform',
);
