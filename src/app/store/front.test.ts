import { describe, expect, it } from 'vitest';
import type { PerplexityReport } from '../../engine/protocol.ts';
import { logTicks } from '../../report/ticks.ts';
import { scaleOf } from '../charts/scales.ts';
import { exportReport, MODEL, PROTOCOL, perplexityReport, recipeRun, slicedReport } from '../testing.ts';
import type { ExportEntry } from './exports.ts';
import { colourOrder, fileLabelOf, frontOf, paretoFront, placed } from './front.ts';
import { NO_RESULTS, type Results } from './results.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

const OPTIONS = { sparsity: 0.25, round: 8, schedule: 'sequential', fusion: 'exact', head: 'auto' } as const;

function runOf(id: string, seqlen: number) {
  return {
    id,
    is_preview: false,
    report: slicedReport(id, OPTIONS),
    perplexity: { ...perplexityReport(id, 80), protocol: { ...PROTOCOL, seqlen } },
    protocol: PROTOCOL,
    exports: [],
  };
}

const BASE: Results = { ...NO_RESULTS, model: MODEL, protocol: PROTOCOL, dense: perplexityReport('dense', 75.9) };

it('a file is called by the recipe, by methods and bits where that is long, or as the person did', () => {
  const run = recipeRun('r', { bytes: 2e6, perplexity: 80, kl: 0.1 });
  expect(fileLabelOf(run)).toBe('embed; gptq:bits=4');
  const recipe = `embed; gptq:bits=4,mix=${Array.from({ length: 30 }, (_, i) => `${i}.up_proj:4/32`).join('+')}`;
  const long = { ...run, report: { ...run.report, recipe, bits_per_weight: 4.866 } };
  expect(fileLabelOf(long)).toBe('embed-gptq-4.87-bits');
  expect(fileLabelOf({ ...long, name: 'the best' })).toBe('the best');
});

describe('the front', () => {
  it('draws only what was measured on the same windows, and counts the rest', () => {
    const { points, omitted } = frontOf({ ...BASE, runs: [runOf('a', 256), runOf('b', 128)] }, DEFAULT_SETTINGS);
    expect(points.map(({ id, label, kind }) => [id, label, kind])).toEqual([
      ['dense', 'dense', 'dense'],
      ['a', 'slicegpt:sparsity=0.25', 'run'],
    ]);
    expect(omitted).toBe(1);
  });

  it('has every verified file as a point of its own, in its precision and with the bytes of its weights', () => {
    const report = {
      ...exportReport({ id: 'a', options: { format: 'onnx', precision: 'int4' } }),
      perplexity: 88,
      files: [
        { name: 'onnx/model.onnx', bytes: 3_000_000, sha256: '' },
        { name: 'onnx/model.onnx_data', bytes: 100_000, sha256: '' },
        { name: 'tokenizer.json', bytes: 900_000, sha256: '' },
      ],
    };
    const choice = { format: 'onnx', precision: 'int4' } as const;
    const done: ExportEntry = { choice, state: 'done', report, protocol: PROTOCOL };
    const { divergence } = recipeRun('', { bytes: 1, perplexity: 88, kl: 0.2 }).perplexity as PerplexityReport;
    const whole: ExportEntry = { ...done, report: { ...report, divergence }, tokens_per_second: 40 };
    const failed: ExportEntry = {
      choice: { format: 'gguf', precision: 'f16' },
      state: 'failed',
      error: { code: 'internal', message: '', place: {} },
    };
    const { points } = frontOf(
      { ...BASE, runs: [{ ...runOf('a', 256), exports: [whole, failed] }], dense_exports: [done] },
      DEFAULT_SETTINGS,
    );
    const files = points.filter(({ kind }) => kind === 'file');
    expect(files.map(({ id, precision, figures }) => [id, precision, figures.bytes?.value])).toEqual([
      ['dense', 'int4', 3_100_000],
      ['a', 'int4', 3_100_000],
    ]);
    expect(files[1].figures.perplexity).toEqual({ value: 88, error: null });
    // A file has a place on every axis that it was measured along, and on no other.
    expect(files[1].figures).toMatchObject({ kl: { value: 0.2 }, top1: { value: 0.8 }, decode: { value: 40 } });
    expect(files[0].figures.kl ?? files[0].figures.decode).toBeUndefined();
    expect(placed(points, 'bytes', 'kl')).toMatchObject({ placed: [{ point: { id: 'a', kind: 'file' } }], missing: 2 });
  });

  it('joins what no other point beats, whichever way an axis is better', () => {
    const points = frontOf(
      {
        ...BASE,
        runs: [
          recipeRun('small', { bytes: 2e6, perplexity: 90, kl: 0.1 }),
          recipeRun('beaten', { bytes: 3e6, perplexity: 95, kl: 0.2 }),
          recipeRun('good', { bytes: 4e6, perplexity: 76, kl: 0.01 }),
        ],
      },
      DEFAULT_SETTINGS,
    ).points;
    const ids = (x: 'bytes' | 'prefill', y: 'perplexity' | 'kl' | 'top1') =>
      paretoFront(placed(points, x, y).placed, x, y).map(({ point }) => point.id);
    expect(ids('bytes', 'perplexity')).toEqual(['small', 'good', 'dense']);
    expect(ids('bytes', 'kl')).toEqual(['small', 'good']);
    // All are as fast: the best alone.
    expect(ids('prefill', 'perplexity')).toEqual(['dense']);
    expect(ids('bytes', 'top1')).toEqual(['small', 'good']);
    expect(colourOrder(points)).toEqual(['embed + gptq']);
  });
});

describe('axes of the front', () => {
  it('go logarithmic where one model is ruined, and keep every point inside', () => {
    expect(scaleOf('perplexity', [75, 80, 90]).scale).toBe('linear');
    const wide = scaleOf('perplexity', [75, 200_000]);
    expect(wide.scale).toBe('log');
    expect(wide.domain[0]).toBeLessThanOrEqual(75);
    expect(wide.domain[1]).toBeGreaterThanOrEqual(200_000);
    const { ticks, domain } = logTicks(0.004, 0.03);
    expect([ticks[0], ticks.at(-1)]).toEqual(domain);
    expect(domain[0]).toBeLessThanOrEqual(0.004);
    expect(domain[1]).toBeGreaterThanOrEqual(0.03);
    expect(scaleOf('top1', [0.9, 0.98]).domain[1]).toBeLessThanOrEqual(1);
    const bytes = scaleOf('bytes', [8e6], { least: 1.3e6 });
    expect(bytes.domain[0]).toBeLessThanOrEqual(1.3e6);
    expect(bytes.tickFormatter(bytes.ticks[1])).toMatch(/ MB$/);
  });
});
