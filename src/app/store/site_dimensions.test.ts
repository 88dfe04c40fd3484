import { describe, expect, it } from 'vitest';
import { makeRecipe, parseRecipe } from '../../compress/recipe/recipe.ts';
import { checkDimensions } from '../../compress/slicegpt/plan.ts';
import { MODEL } from '../testing.ts';
import { planOf } from './plan.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import {
  byKeptEnergy,
  dimensionKeeping,
  editedDimensions,
  editedPlan,
  editsAt,
  NO_EDITS,
  placeOf,
  roundDimension,
  sameEverywhere,
  slicingStep,
  withDimension,
  withLock,
} from './site_dimensions.ts';

const PLAN = planOf(MODEL, DEFAULT_SETTINGS).plan!;
const HIDDEN = MODEL.shape.hidden_size;
const PLACE = placeOf(MODEL, DEFAULT_SETTINGS);
const NONE = editsAt(NO_EDITS, PLACE);
/** Fast at even sites, slow at odd ones. */
const SITES = PLAN.dimensions.map((_, site) => ({
  site,
  eigenvalues: Float64Array.from({ length: HIDDEN }, (_, i) => Math.exp(-i / (site % 2 === 0 ? 10 : 60))),
}));

describe('dimensions site by site', () => {
  it('are the slider’s until one is moved', () => {
    expect(editedDimensions(PLAN, NONE, HIDDEN)).toEqual(PLAN.dimensions);
    const moved = withDimension(NONE, 3, 101, HIDDEN);
    expect(editedDimensions(PLAN, moved, HIDDEN)).toEqual(PLAN.dimensions.with(3, 104));
  });

  it('are multiples within the range, or all', () => {
    for (let wanted = -20; wanted < HIDDEN + 40; wanted += 7) {
      for (const multiple of [1, 8, 24]) {
        const rounded = roundDimension(wanted, HIDDEN, multiple);
        expect(rounded === HIDDEN || rounded % multiple === 0).toBe(true);
        expect(rounded).toBeGreaterThanOrEqual(multiple);
        expect(rounded).toBeLessThanOrEqual(HIDDEN);
      }
    }
    expect(roundDimension(3, 6, 8)).toBe(6);
  });

  it('never touch the last site of a head that keeps it whole', () => {
    const last = PLAN.dimensions.length - 1;
    const moved = byKeptEnergy(withDimension(NONE, last, 64, HIDDEN), PLAN, SITES, 0.5);
    const dimensions = editedDimensions(PLAN, moved, HIDDEN);
    expect(dimensions[last]).toBe(HIDDEN);
    expect(() => checkDimensions(MODEL.shape, dimensions, PLAN.head)).not.toThrow();
  });

  it('keep the share that is asked for, and not with fewer', () => {
    for (const share of [0.5, 0.9, 0.999]) {
      const edits = byKeptEnergy({ ...NONE, multiple: 1 }, PLAN, SITES, share);
      editedDimensions(PLAN, edits, HIDDEN).forEach((kept, site) => {
        if (site === PLAN.dimensions.length - 1) return;
        const { eigenvalues } = SITES[site];
        const sum = (count: number) => eigenvalues.slice(0, count).reduce((a, b) => a + b, 0);
        const total = sum(HIDDEN);
        expect(sum(kept) / total).toBeGreaterThanOrEqual(share * (1 - 1e-12));
        expect(sum(kept - 1) / total).toBeLessThan(share);
      });
    }
    expect(dimensionKeeping([0, 0], 0.9)).toBe(1);
    expect(dimensionKeeping([1, 1e-3, -1e-18, 0], 1)).toBe(2);
  });

  it('stay where they are locked, while slider, share and hand move the others', () => {
    const locked = withLock(withDimension(NONE, 2, 64, HIDDEN), 2, 64, true);
    const both = withDimension(withDimension(locked, 4, 96, HIDDEN), 2, 200, HIDDEN);
    expect(editedDimensions(PLAN, both, HIDDEN)).toEqual(PLAN.dimensions.with(2, 64).with(4, 96));
    expect(editedDimensions(PLAN, byKeptEnergy(both, PLAN, SITES, 0.99), HIDDEN)[2]).toBe(64);
    expect(editedDimensions(PLAN, sameEverywhere(both), HIDDEN)).toEqual(PLAN.dimensions.with(2, 64));
    const elsewhere = { ...DEFAULT_SETTINGS, sparsity_percent: 40 };
    const plan = planOf(MODEL, elsewhere).plan!;
    const moved = editsAt(both, placeOf(MODEL, elsewhere));
    expect(editedDimensions(plan, moved, HIDDEN)).toEqual(plan.dimensions.with(2, 64));
    expect(editedDimensions(plan, withLock(moved, 2, 64, false), HIDDEN)[2]).toBe(64);
  });

  it('are not another model’s', () => {
    const moved = withDimension(NONE, 2, 64, HIDDEN);
    expect(editsAt(moved, { ...PLACE, fingerprint: 'f2' }).own).toEqual({});
  });

  it('cost what the parts say, and are a recipe that reads the same from its text', () => {
    const dimensions = editedDimensions(PLAN, withDimension(NONE, 3, 104, HIDDEN), HIDDEN);
    const plan = editedPlan(MODEL, PLAN, dimensions);
    expect(plan.parameters).toBeLessThan(PLAN.parameters);
    expect(editedPlan(MODEL, PLAN, PLAN.dimensions)).toEqual(PLAN);
    const { text, steps } = makeRecipe([slicingStep(dimensions, DEFAULT_SETTINGS, PLAN)]);
    expect(parseRecipe(text).steps).toEqual(steps);
    expect(steps[0].options).toMatchObject({ dimensions, head: 'tied', schedule: 'sequential' });
  });
});
