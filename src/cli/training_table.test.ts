/** What the headless command tells of trainings when it is done. */
import { expect, it } from 'vitest';
import type { Report } from '../engine/report.ts';
import { trainingNotes, trainingRows } from './training_table.ts';

const training = {
  objective: 'forward KL to the dense model',
  windows: { training: 12, held_out: 4, seqlen: 64 },
  ...{ trained_parameters: 8, steps: 20, best_step: 10, stored_held_out_loss: 0.61, tokens_per_second: 1 },
  curve: [
    { step: 0, held_out_loss: 0.9, held_out_perplexity: 9 },
    { step: 10, training_loss: 0.7, held_out_loss: 0.6, held_out_perplexity: 8 },
    { step: 20, training_loss: 0.4, held_out_loss: 0.8, held_out_perplexity: 8.5 },
  ],
  notes: ['Over-fitting: the held-out loss was lowest at step 10.'],
};
const step = (method: string, more = {}) => ({ method, options: {}, seconds: 1, units: [], ...more });
const runs = [
  { steps: [step('rtn')] },
  { steps: [step('slicegpt'), step('heal', { training }), step('rft', { training: { ...training, notes: [] } })] },
] as unknown as Report['runs'];

it('has a row for each training, with the held-out losses before, at the best and as stored', () => {
  const heal = ['r2 heal', training.objective, '20', '10', '4 of 16', '0.9000', '0.6000', '0.6100'];
  expect(trainingRows({ runs }, ['r1', 'r2'])).toEqual([heal, ['r2 rft', ...heal.slice(1)]]);
});

it('names over-fitting beside the run that has it', () => {
  expect(trainingNotes({ runs }, ['r1', 'r2'])).toEqual([`r2 heal: ${training.notes[0]}`]);
});
