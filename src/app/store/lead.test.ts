import { expect, it } from 'vitest';
import { exportReport, MODEL, recipeRun } from '../testing.ts';
import type { ExportEntry } from './exports.ts';
import { NO_RESULTS } from './results.ts';
import { leadOf } from './selectors.ts';
import { createStudioStore } from './store.ts';

it('what comes next: make, then export, then save, then make', () => {
  const { settings } = createStudioStore().getState();
  const run = recipeRun('a', { bytes: 1e6, perplexity: 80, kl: 0.1 });
  const choice = { format: 'onnx', precision: 'stored' } as const;
  const done: ExportEntry = { choice, state: 'done', report: exportReport({ id: 'a' }), protocol: null };
  const lead = (...runs: (typeof run)[]) =>
    leadOf({ results: { ...NO_RESULTS, model: MODEL, runs }, settings, selected: 'a' });
  expect(lead()).toBe('make');
  expect(lead({ ...run, perplexity: null })).toBe('make');
  expect(lead(run)).toBe('export');
  expect(lead({ ...run, exports: [{ choice, state: 'running' }] })).toBe('export');
  expect(lead({ ...run, exports: [done] })).toBe('save');
  expect(lead({ ...run, exports: [{ ...done, is_saved: true }] })).toBe('make');
  expect(lead({ ...run, is_lost: true })).toBe('make');
});
