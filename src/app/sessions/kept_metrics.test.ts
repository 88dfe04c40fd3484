import { expect, it, vi } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { openModel } from '../actions/open_model.ts';
import { listenToEngine } from '../actions/recover.ts';
import { slice } from '../actions/slice.ts';
import { perplexityReport, studioWith } from '../testing.ts';
import { dataOf } from './data.ts';

it('the log of what was measured is kept with the session, and gone on with', async () => {
  const { studio } = studioWith();
  await openModel(studio, { kind: 'demo' });
  await slice(studio);
  const [{ id }] = studio.store.getState().results.runs;
  const { metrics } = structuredClone(dataOf(studio.store.getState(), studio.metrics.kept()));
  const next = studioWith().studio;
  next.metrics.load(metrics!);
  expect(next.metrics.text()).toBe(studio.metrics.text());
  expect(next.metrics.lines(id), 'runs are known by their recipes').toEqual(studio.metrics.lines(id));
  next.metrics.result('evaluate', perplexityReport(id, 80));
  expect(next.metrics.lines().at(-1)?.run).toBe('slicegpt:sparsity=0.25');
});

it('stays when the engine is replaced', async () => {
  const backend = { kind: 'cpu' as const, vendor: '', architecture: '', description: '', isFallbackAdapter: false };
  const { studio, engine } = studioWith({ start: () => ({ ...backend, maxTensorBytes: 1 }) });
  const stop = listenToEngine(studio);
  await openModel(studio, { kind: 'demo' });
  const before = studio.metrics.lines();
  expect(before.length).toBeGreaterThan(3);
  engine.die(new WhittleError({ code: 'engine_stopped', message: 'The engine stopped: it did.' }));
  await vi.waitFor(() => expect(studio.store.getState().job).toMatchObject({ state: 'finished', kind: 'recover' }));
  expect(studio.metrics.lines().slice(0, before.length)).toEqual(before);
  stop();
});
