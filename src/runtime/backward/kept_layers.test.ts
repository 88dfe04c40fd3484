/** Which layers are kept, and which batches go together: no group needs more than the budget. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { openModel } from '../../models/open_model.ts';
import { keptBudgets } from '../budgets.ts';
import { keptWidth, rowsPerStep, stepPlan } from './kept_layers.ts';

const { layers } = (await openModel(await familyFiles(await family('llama')))).model;

describe('the plan of a step', () => {
  const width = layers.reduce((sum, layer) => sum + keptWidth(layer), 0);
  const rows = [64, 64, 64, 32];
  const budget = (tokens: number) => 4 * width * tokens;

  it('keeps all at once where all fit', () => {
    expect(stepPlan(layers, rows, budget(224))).toEqual({ groups: [4], keptFrom: 0 });
  });

  it('parts batches where some fit', () => {
    expect(stepPlan(layers, rows, budget(223))).toEqual({ groups: [3, 1], keptFrom: 0 });
    expect(stepPlan(layers, rows, budget(64))).toEqual({ groups: [1, 1, 1, 1], keptFrom: 0 });
    expect(stepPlan(layers, rows, budget(100))).toEqual({ groups: [1, 1, 2], keptFrom: 0 });
  });

  it('keeps the last layers of all batches where one does not fit, or none may be parted', () => {
    const last = layers.length - 1;
    const ofLast = 4 * 224 * keptWidth(layers[last]);
    expect(ofLast).toBeLessThan(budget(223));
    for (const [most, together] of [
      [budget(63), false],
      [ofLast, true],
    ] as const) {
      const { groups, keptFrom } = stepPlan(layers, rows, most, together);
      expect(groups).toEqual([4]);
      const bytes = layers.slice(keptFrom).reduce((sum, layer) => sum + 4 * 224 * keptWidth(layer), 0);
      expect(bytes).toBeLessThanOrEqual(most);
      if (together) expect(keptFrom).toBe(last);
    }
    expect(stepPlan(layers, rows, ofLast - 1, true)).toEqual({ groups: [4], keptFrom: layers.length });
  });
});

describe('rows of a batch of a training', () => {
  const seqlen = 8;
  const cpu = { kind: 'cpu', isFallbackAdapter: false } as const;
  const { layerBytes } = keptBudgets(cpu);
  const width = layers.reduce((sum, layer) => sum + keptWidth(layer), 0);
  /** As many layers as leave room for so many rows. */
  const deep = (rows: number) =>
    Array.from({ length: Math.floor(layerBytes / (4 * (width / layers.length) * rows)) }, () => layers[0]);

  it('are as many as are kept whole on a CPU, but a pass’s own at most', () => {
    expect(rowsPerStep(layers, seqlen, cpu)).toBe(512);
    const some = deep(100);
    const rows = rowsPerStep(some, seqlen, cpu);
    expect(rows).toBeGreaterThanOrEqual(100);
    expect(rows).toBeLessThan(110);
    expect(stepPlan(some, [rows, rows], layerBytes)).toEqual({ groups: [1, 1], keptFrom: 0 });
  });

  it('are a pass’s own where no window is kept whole, and on a GPU', () => {
    expect(rowsPerStep(deep(seqlen - 1), seqlen, cpu)).toBe(512);
    expect(rowsPerStep(deep(100), seqlen, { kind: 'webgpu', isFallbackAdapter: false })).toBe(2048);
    expect(rowsPerStep(deep(100), seqlen, { kind: 'webgpu', isFallbackAdapter: true })).toBeLessThan(110);
  });
});
