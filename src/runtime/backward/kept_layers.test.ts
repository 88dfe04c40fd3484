/** Which layers are kept, and which batches go together: no group needs more than the budget. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { openModel } from '../../models/open_model.ts';
import { keptWidth, stepPlan } from './kept_layers.ts';

const { layers } = (await openModel(await familyFiles(await family('llama')))).model;

describe('the plan of a step', () => {
  const width = layers.reduce((sum, layer) => sum + keptWidth(layer), 0);
  const rows = [64, 64, 64, 32];
  const budget = (tokens: number) => 4 * width * tokens;

  it('keeps all at once where all fit', () => {
    expect(stepPlan(layers, rows, false, budget(224))).toEqual({ groups: [4], keptFrom: 0 });
  });

  it('parts batches where some fit', () => {
    expect(stepPlan(layers, rows, false, budget(223))).toEqual({ groups: [3, 1], keptFrom: 0 });
    expect(stepPlan(layers, rows, false, budget(64))).toEqual({ groups: [1, 1, 1, 1], keptFrom: 0 });
    expect(stepPlan(layers, rows, false, budget(100))).toEqual({ groups: [1, 1, 2], keptFrom: 0 });
  });

  it('takes batches one by one where half of the layers of each are kept', () => {
    const half = layers.slice(layers.length / 2).reduce((sum, layer) => sum + 4 * 64 * keptWidth(layer), 0);
    const [first] = layers;
    expect(half).toBeLessThan(budget(64));
    expect(stepPlan(layers, rows, false, half)).toEqual({ groups: [1, 1, 1, 1], keptFrom: layers.length / 2 });
    expect(stepPlan(layers, rows, false, half - 1).groups).toEqual([4]);
    expect(stepPlan(layers, rows, true, half).groups).toEqual([4]);
    expect(stepPlan(layers, [64], false, budget(64) - 1)).toEqual({ groups: [1], keptFrom: 1 });
    expect(stepPlan([first], [64], false, 4 * 64 * keptWidth(first) - 1)).toEqual({ groups: [1], keptFrom: 1 });
  });

  it('keeps the last layers of all batches where one does not fit, or none may be parted', () => {
    const last = layers.length - 1;
    const ofLast = 4 * 224 * keptWidth(layers[last]);
    expect(ofLast).toBeLessThan(budget(223));
    const ofHalf = layers.slice(layers.length / 2).reduce((sum, layer) => sum + 4 * 64 * keptWidth(layer), 0);
    for (const [most, together] of [
      [ofHalf - 1, false],
      [ofLast, true],
    ] as const) {
      const { groups, keptFrom } = stepPlan(layers, rows, together, most);
      expect(groups).toEqual([4]);
      const bytes = layers.slice(keptFrom).reduce((sum, layer) => sum + 4 * 224 * keptWidth(layer), 0);
      expect(bytes).toBeLessThanOrEqual(most);
      if (together) expect(keptFrom).toBe(last);
    }
    expect(stepPlan(layers, rows, true, ofLast - 1)).toEqual({ groups: [4], keptFrom: layers.length });
  });
});
