import { describe, expect, it } from 'vitest';
import { MODEL, PROTOCOL, perplexityReport, recipeRun } from '../testing.ts';
import { changeRun, NO_RESULTS, putBack, type Results, takeAway } from './results.ts';
import { pairedDifference, runRows, sortRows, toCsv } from './runs_table.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { readBytes, roundBytes, solveSeconds, targetOf } from './target.ts';

const RESULTS: Results = {
  ...NO_RESULTS,
  model: MODEL,
  protocol: PROTOCOL,
  dense: perplexityReport('dense', 75.9),
  runs: [
    recipeRun('a', { bytes: 4e6, perplexity: 76, kl: 0.01 }),
    recipeRun('b', { bytes: 2e6, perplexity: 90, kl: 0.1 }),
    { ...recipeRun('c', { bytes: 3e6, perplexity: 80, kl: 0.05 }), perplexity: null },
  ],
};

describe('the table of runs', () => {
  const rows = runRows(RESULTS, DEFAULT_SETTINGS);
  const ids = (sorted: typeof rows) => sorted.map(({ id }) => id);

  it('sorts both ways, with the original and what is pinned on top and what was not measured last', () => {
    expect(ids(sortRows(rows, 'perplexity', false))).toEqual(['dense', 'a', 'b', 'c']);
    expect(ids(sortRows(rows, 'perplexity', true))).toEqual(['dense', 'b', 'a', 'c']);
    expect(ids(sortRows(rows, 'bytes', false))).toEqual(['dense', 'b', 'c', 'a']);
    const pinned = runRows(changeRun(RESULTS, 'c', { is_pinned: true }), DEFAULT_SETTINGS);
    expect(ids(sortRows(pinned, 'bytes', false))).toEqual(['dense', 'c', 'b', 'a']);
    expect(rows[1]).toMatchObject({ figures: { bits: { value: 8 } }, recipe: 'embed; gptq:bits=4' });
  });

  it('takes a name, which stands for the recipe, and gives it up', () => {
    const named = changeRun(RESULTS, 'b', { name: 'tiny' });
    expect(runRows(named, DEFAULT_SETTINGS)[2]).toMatchObject({ label: 'tiny', recipe: 'embed; gptq:bits=4' });
    expect(runRows(changeRun(named, 'b', { name: undefined }), DEFAULT_SETTINGS)[2].label).toBe('embed; gptq:bits=4');
  });

  it('takes a run away and puts it back as it was', () => {
    const without = takeAway(RESULTS, 'a');
    expect(without.runs.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(new Set(putBack(without, 'a').runs)).toEqual(new Set(RESULTS.runs));
    expect(putBack(putBack(without, 'a'), 'a').runs).toHaveLength(3);
    const runs = ['run-2', 'run-9', 'run-10'].map((id) => ({ ...RESULTS.runs[0], id }));
    const back = putBack(takeAway({ ...RESULTS, runs }, 'run-9'), 'run-9');
    expect(back.runs.map(({ id }) => id)).toEqual(['run-2', 'run-9', 'run-10']);
  });

  it('is a CSV whose fields may hold commas, quotes and lines', () => {
    const csv = toCsv(runRows(changeRun(RESULTS, 'a', { name: 'the "best", so far' }), DEFAULT_SETTINGS));
    const lines = csv.trimEnd().split('\r\n');
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatch(/^"the ""best"", so far",embed; gptq:bits=4,76,/);
    expect(lines[4]).toContain(',,,');
  });

  it('compares two on the same windows, where their common ups and downs cancel out', () => {
    const losses = [4, 5, 3, 6];
    const a = { ...perplexityReport('a', 80), window_losses: losses };
    const b = { ...perplexityReport('b', 80), window_losses: losses.map((loss, i) => loss + (i % 2 ? 0.11 : 0.09)) };
    const paired = pairedDifference(a, b)!;
    expect(paired.mean).toBeCloseTo(0.1);
    expect(paired.error).toBeCloseTo(0.01 / Math.sqrt(3));
    expect(pairedDifference(a, { ...b, protocol: { ...PROTOCOL, seqlen: 128 } })).toBeNull();
    expect(pairedDifference(a, null)).toBeNull();
  });
});

describe('the size target', () => {
  it('is read as people write sizes', () => {
    const texts = ['2.8 MB', '2,8mb', '2800 kB', '2.8', '35 %', '2800000 B', '0.0028 GB'];
    expect(texts.map((text) => readBytes(text, 8_000_000))).toEqual(texts.map(() => 2_800_000));
    for (const text of ['', 'small', '-3 MB', '0', '3 TB', '1.2.3 MB']) expect(readBytes(text, 8e6)).toBeNull();
  });

  it('begins well below the original, and never above it', () => {
    expect(targetOf(MODEL, null)).toBeLessThan(0.4 * MODEL.bytes);
    const packed = { ...MODEL, bytes: MODEL.parameters * 0.6 };
    expect(targetOf(packed, null)).toBeLessThan(packed.bytes);
    expect(targetOf(MODEL, 123)).toBe(123);
    expect(roundBytes(2_613_400)).toBe(2_600_000);
  });

  it('tells no time before anything was measured', () => {
    expect(solveSeconds(MODEL, null, 16)).toBeNull();
    expect(solveSeconds(MODEL, perplexityReport('dense', 75), 16)).toBeGreaterThan(0);
  });
});
