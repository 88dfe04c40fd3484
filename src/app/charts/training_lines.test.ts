import { expect, it } from 'vitest';
import type { TrainingReport } from '../../engine/protocol.ts';
import { addTraining, NO_RESULTS, type Run } from '../store/results.ts';
import { hasTraining, overfitting, shownTrainings, trainingLines } from './training_lines.ts';

const point = { step: 0, held_out_loss: 0.5, held_out_perplexity: 9 };
const event = { type: 'training', step: 'heal', steps: 20 } as const;
const running = { state: 'running' } as Parameters<typeof shownTrainings>[0]['job'];
const idle = { state: 'idle' } as typeof running;

it('shows a training while it runs, and begins anew with another', () => {
  expect(hasTraining(NO_RESULTS)).toBe(false);
  const first = addTraining(NO_RESULTS, { ...event, point });
  const second = addTraining(first, { ...event, point: { ...point, step: 10, training_loss: 0.4 } });
  expect(hasTraining(second)).toBe(true);
  expect(shownTrainings({ results: second, job: running, selected: null })).toMatchObject([
    { label: 'heal', steps: 20, points: [{ step: 0 }, { step: 10, training_loss: 0.4 }] },
  ]);
  expect(addTraining(second, { ...event, point }).training?.points).toHaveLength(1);
  expect(shownTrainings({ results: second, job: idle, selected: null })).toEqual([]);
});

it('keeps the trainings of one recipe apart, while they run and afterwards', () => {
  const later = { ...point, step: 5, training_loss: 0.4 };
  const steps = ['heal:loss=hidden,steps=5', 'heal:steps=5,loss=kl', 'rft:data=a.jsonl'];
  let results = NO_RESULTS;
  for (const step of steps)
    for (const each of [point, later]) results = addTraining(results, { ...event, step, point: each });
  const shown = shownTrainings({ results, job: running, selected: null });
  expect(shown.map(({ label }) => label)).toEqual(['heal, hidden', 'heal, kl', 'rft']);
  for (const { points } of shown) expect(points).toEqual([point, later]);

  const training = (notes: string[]) => ({ curve: [point, later], steps: 5, notes }) as unknown as TrainingReport;
  const reports = [
    { method: 'heal', options: { loss: 'hidden' }, training: training(['Rounding cost nothing.']) },
    { method: 'rtn', options: { bits: 4 } },
    { method: 'heal', options: { loss: 'kl' }, training: training(['Over-fitting: the held-out loss rose.']) },
  ];
  const runOf = (id: string, own: unknown[]) => ({ id, report: { id, steps: own } }) as unknown as Run;
  const made = { ...NO_RESULTS, runs: [runOf('a', reports), runOf('b', [{ method: 'rtn', options: {} }])] };
  const of = (selected: string | null) => shownTrainings({ results: made, job: idle, selected });
  expect(of('a').map(({ label }) => label)).toEqual(['heal, hidden', 'heal, kl']);
  expect(of('a').map(overfitting)).toEqual([undefined, 'Over-fitting: the held-out loss rose.']);
  expect(of('b')).toEqual([]);
  // Nothing is selected: of the newest run that trained.
  expect(of(null)).toEqual(of('a'));
});

it('names each figure', () => {
  expect(trainingLines(point).map(({ name }) => name)).toEqual(['held-out', 'held-out perplexity']);
  expect(trainingLines({ ...point, training_loss: 0.25 })[0]).toEqual({ name: 'training', value: '0.250' });
});
