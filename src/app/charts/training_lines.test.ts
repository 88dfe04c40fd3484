import { expect, it } from 'vitest';
import { addTraining, NO_RESULTS } from '../store/results.ts';
import { hasTraining, shownTraining, trainingLines } from './training_lines.ts';

const point = { step: 0, held_out_loss: 0.5, held_out_perplexity: 9 };
const event = { type: 'training', step: 'heal', steps: 20 } as const;
const running = { state: 'running' } as Parameters<typeof shownTraining>[0]['job'];
const idle = { state: 'idle' } as typeof running;

it('shows a training while it runs, and begins anew with another', () => {
  expect(hasTraining(NO_RESULTS)).toBe(false);
  const first = addTraining(NO_RESULTS, { ...event, point });
  const second = addTraining(first, { ...event, point: { ...point, step: 10, training_loss: 0.4 } });
  expect(hasTraining(second)).toBe(true);
  expect(shownTraining({ results: second, job: running, selected: null })).toMatchObject({
    steps: 20,
    points: [{ step: 0 }, { step: 10, training_loss: 0.4 }],
  });
  expect(addTraining(second, { ...event, point }).training?.points).toHaveLength(1);
  expect(shownTraining({ results: second, job: idle, selected: null })).toBeNull();
});

it('names each figure', () => {
  expect(trainingLines(point).map(({ name }) => name)).toEqual(['held-out', 'held-out perplexity']);
  expect(trainingLines({ ...point, training_loss: 0.25 })[0]).toEqual({ name: 'training', value: '0.250' });
});
