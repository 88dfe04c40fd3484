import { describe, expect, it } from 'vitest';
import { createNodeCrew } from '../backend/wasm/testing.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import type { ReportTimings } from '../engine/report.ts';
import type { BenchReport, EigenFigure, PackedFigure, PlannedFigure } from './figures.ts';
import { differenceOf, jobRatio } from './job_ratio.ts';
import { packedTimes } from './packed_times.ts';
import { benchTables } from './tables.ts';
import { targetsOf } from './targets.ts';

const times = (scale: number): ReportTimings => ({
  ...{ load: 1000, dense_evaluation: 2000 * scale, compression: 3000 * scale, calibration_and_slicing: 3000 * scale },
  ...{ evaluation: 1000 * scale, export: 0, verification: 500, total: 1500 + 6000 * scale },
});

const eigen = (n: number, figures: Partial<EigenFigure>): EigenFigure => ({
  ...{ n, solver: 'tridiagonal-dc-f32', ms: 100, residual_ulp: 0.5, orthogonality_ulp: 0.4 },
  ...{ worst_family: 'random', families: 25, over_limit: [] },
  ...figures,
});

const plan = (model: string, planned_gpu_bytes: number, share_of_f32: number): PlannedFigure => ({
  ...{ model, parameters: 10, f32_bytes: 40, samples: 16, seqlen: 256, schedule: 'sequential', step: 'perplexity' },
  ...{ planned_gpu_bytes, share_of_f32, breakdown: { weights: 30e6, other: 1 } },
});

const packed = (figures: Partial<PackedFigure>): PackedFigure => ({
  ...{ product: '', m: 1, k: 2, n: 2, f32_ms: 1, threads: 2, int8: 3, int4: 3, int3: 3, int2: 3, '2:4': 3 },
  ...figures,
});

function report(change: Partial<BenchReport> = {}): BenchReport {
  const job = { backend: 'webgpu', stage_ms: times(8), perplexity: 80, dense_perplexity: 76 };
  const figures = {
    adapter: { vendor: 'google', architecture: 'swiftshader', is_fallback_adapter: true },
    ...{ threads: 2, quick: false },
    matmul: [
      {
        ...{ product: 'cube', m: 2, k: 2, n: 2, gflops: 9, ort_webgpu_gflops: 3, ratio: 3, bt_gflops: 6, bt_ratio: 2 },
        difference: 1e-6,
      },
    ],
    lut_cpu: [],
    packed_cpu: [
      packed({ product: '135M q, o', m: 1, f32_ms: 2, int4: 4 }),
      packed({ product: '135M down', m: 1, f32_ms: 4, int4: 2 }),
      packed({ product: '7B q', m: 1, int4: 1 }),
      packed({ product: '135M down', m: 256, int4: 1.02 }),
    ],
    matmul_cpu: [
      {
        ...{ product: 'cube', m: 2, k: 2, n: 2, gflops: 9, ort_wasm_gflops: null, ratio: null, bt_gflops: 6 },
        ...{ bt_ratio: null, difference: null, threads: 2 },
      },
    ],
    eigen: [eigen(576, { jacobi_ratio: 12 }), eigen(2048, { residual_ulp: 0.9 })],
    ...{ precision: [], kernels: [], job, job_cpu: { ...job, backend: 'cpu', stage_ms: times(1) } },
    opening: [],
    drag: [],
    ...{ job_ratio: jobRatio(times(8), times(1)), perplexity_difference: 1e-6, dense_perplexity_difference: 2e-6 },
    memory: {
      ...{ peak_gpu_bytes: 16e6, estimated_gpu_bytes: 17e6, estimated_breakdown: { head: 17e6 }, share_of_f32: 1 },
      planned: [plan('SmolLM2-135M', 1e8, 0.19), plan('Llama-2-7B', 2.4e9, 0.09)],
    },
    ...change,
  };
  return { ...figures, targets: targetsOf(figures), seconds: 600 };
}

const unmet = (of: BenchReport) => of.targets.filter(({ met }) => !met).map(({ target }) => target);

describe('the ratio of two jobs', () => {
  it('is told by stage, for all that backends compute, and in all; stages of no time are left out', () => {
    const { computing, ...stages } = jobRatio(times(6), times(1));
    expect(computing).toBe(6);
    expect(stages).toMatchObject({ load: 1, dense_evaluation: 6, evaluation: 6, verification: 1 });
    expect(stages.total).toBeCloseTo(5);
    expect(stages).not.toHaveProperty('export');
    expect(differenceOf(80, 80.08)).toBeCloseTo(1e-3);
  });
});

describe('the targets', () => {
  it('are met by good figures, and say what was measured', () => {
    expect(unmet(report())).toEqual([]);
    const lines = report().targets.map(({ target, measured }) => `${target}: ${measured}`);
    expect(lines).toContain(
      'eigensolver, all families to n = 2048: residual and orthogonality ≤ 10 n·ulp: 0.900 and 0.400',
    );
    expect(lines).toContain(
      "products in WGSL: never slower than onnxruntime-web's webgpu provider: at least 2.00 × (cube, bᵀ)",
    );
  });

  it('leave out what was not measured', () => {
    const targets = report({ eigen: [eigen(64, {})] }).targets.map(({ target }) => target);
    expect(targets.some((target) => target.includes('blocked Jacobi'))).toBe(false);
    expect(targets.some((target) => target.includes('on the CPU'))).toBe(false);
  });

  it('are not met by a family beyond the limit, by a slow job, or by other perplexities', () => {
    expect(unmet(report({ eigen: [eigen(576, { residual_ulp: Number.NaN })] }))).toHaveLength(1);
    expect(unmet(report({ job_ratio: jobRatio(times(5), times(1)) }))[0]).toContain('demo job');
    expect(unmet(report({ perplexity_difference: 0.002 }))[0]).toContain('perplexities');
  });

  it('do not ask that the CPU backend be faster than a GPU', () => {
    const adapter = { vendor: 'v', architecture: 'a', is_fallback_adapter: false };
    expect(unmet(report({ adapter, job_ratio: jobRatio(times(0.1), times(1)) }))).toEqual([]);
  });
});

describe('the tables', () => {
  const tables = benchTables(report());
  const rows = (title: string) =>
    tables
      .split('\n\n')
      .find((one) => one.startsWith(title))
      ?.split('\n') ?? [];

  it('have the names of the figures as headings, and columns that line up', () => {
    const [, headings, first, second] = rows('eigen');
    expect(headings.trim().split(/ {2,}/).slice(0, 5)).toEqual([
      ...['n', 'solver', 'ms', 'residual_ulp', 'orthogonality_ulp'],
    ]);
    expect(first.indexOf('tridiagonal')).toBe(second.indexOf('tridiagonal'));
  });

  it('leave the cell empty where nothing was measured', () => {
    expect(rows('matmul_cpu')[2].trim().split(/ {2,}/)).toEqual(['cube', '2', '2', '2', '9.00', '6.00', '2']);
  });

  it('show jobs stage by stage, and targets', () => {
    expect(
      rows('job')
        .find((row) => row.includes('dense_evaluation'))
        ?.trim()
        .split(/ {2,}/),
    ).toEqual([...['dense_evaluation', '16000', '2000', '8.00']]);
    expect(rows('targets').every((row, i) => i < 2 || row.endsWith('met'))).toBe(true);
  });
});

describe('packed products', () => {
  it('are told of a whole model, each product as often as it has it', () => {
    const targets = targetsOf(report()).filter(({ target }) => target.includes('int4'));
    // (60 · 2 + 30 · 4) ms by (60 · 2/4 + 30 · 4/2) ms.
    expect(targets).toMatchObject([
      { measured: '2.67 ×, at least 2.00 × (135M down)', met: true },
      { measured: '1.02 ×, at least 1.02 × (135M down)', met: true },
    ]);
    const slow = report({
      packed_cpu: [packed({ product: '135M q', m: 1, int4: 2.4 }), packed({ product: '135M q', m: 256, int4: 0.98 })],
    });
    const missed = targetsOf(slow).filter(({ target }) => target.includes('int4'));
    expect(missed.map(({ met }) => met)).toEqual([false, false]);
  });

  it('are timed in every form, and leave nothing', async () => {
    const backend = createWasmBackend(await createNodeCrew(1));
    const times = await packedTimes(backend, { m: 1, k: 64, n: 32768 }, 1);
    expect(Object.keys(times)).toEqual(['f32', 'int8', 'int4', 'int3', 'int2', '2:4']);
    expect(Object.values(times).every((ms) => ms > 0)).toBe(true);
    expect(backend.memory.currentBytes).toBe(0);
    backend.dispose();
  });
});
