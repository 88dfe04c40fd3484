/** @file What the project set itself, against what this run measured. Pure. */
import { LIMIT_ULP } from './eigen_quality.ts';
import type { BenchReport, CpuMatmulFigure, PackedFigure, TargetFigure } from './figures.ts';
import { DEFAULT_WINDOWS, LLAMA_7B, SMOLLM2 } from './memory_plans.ts';
import { HIDDEN, TRIDIAGONAL, timesInSmolLm2 } from './plan.ts';

type Figures = Omit<BenchReport, 'targets' | 'seconds'>;

const LEAST_OVER_JACOBI = 10;
const LEAST_OF_A_TOKEN = 2.5;
const MOST_LOSS = 1e-6;
const LEAST_OVER_SOFTWARE = 6;
const MOST_PERPLEXITY_DIFFERENCE = 1e-3;
const MOST_BYTES_OF_7B = 2.5e9;
const MOST_SHARE = 0.35;

/** Those that this run has figures for. */
export function targetsOf(figures: Figures): TargetFigure[] {
  return [
    ...eigenTargets(figures),
    ...precisionTarget(figures),
    ...productTargets(figures),
    ...packedTargets(figures),
    ...jobTargets(figures),
    ...memoryTargets(figures),
  ];
}

function eigenTargets({ eigen }: Figures): TargetFigure[] {
  const main = eigen.filter(({ solver }) => solver === TRIDIAGONAL);
  if (main.length === 0) return [];
  const sizes = main.filter(({ families }) => families > 1).map(({ n }) => n);
  const residual = Math.max(...main.map(({ residual_ulp }) => residual_ulp));
  const orthogonality = Math.max(...main.map(({ orthogonality_ulp }) => orthogonality_ulp));
  const quality: TargetFigure = {
    target: `eigensolver, all families to n = ${Math.max(...sizes)}: residual and orthogonality ≤ ${LIMIT_ULP} n·ulp`,
    measured: `${digits(residual)} and ${digits(orthogonality)}`,
    met: residual <= LIMIT_ULP && orthogonality <= LIMIT_ULP,
  };
  const ratio = main.find(({ n }) => n === HIDDEN)?.jacobi_ratio;
  if (ratio === undefined) return [quality];
  const target = `eigensolver, n = ${HIDDEN}: ≥ ${LEAST_OVER_JACOBI} × as fast as blocked Jacobi`;
  return [quality, { target, measured: times(ratio), met: ratio >= LEAST_OVER_JACOBI }];
}

function precisionTarget({ precision }: Figures): TargetFigure[] {
  const large = precision.filter(({ name }) => name.includes('× 1000'));
  if (large.length === 0) return [];
  const loss = Math.max(...large.map((one) => one.loss));
  const target = `kept energy lost at an outlier × 1000, n = ${large[0].n}: ≤ ${MOST_LOSS.toExponential(0)}`;
  return [{ target, measured: loss.toExponential(1), met: loss <= MOST_LOSS }];
}

function productTargets({ matmul, matmul_cpu }: Figures): TargetFigure[] {
  return [
    ...least("products in WGSL: never slower than onnxruntime-web's webgpu provider", matmul),
    ...least("products on the CPU: never slower than onnxruntime-web's wasm provider", matmul_cpu),
  ];
}

type Compared = Pick<CpuMatmulFigure, 'product' | 'ratio' | 'bt_ratio'>;

function least(target: string, figures: readonly Compared[]): TargetFigure[] {
  const measured = figures.flatMap(({ product, ratio, bt_ratio }) =>
    ratio === null || bt_ratio === null
      ? []
      : [
          { product, ratio },
          { product: `${product}, bᵀ`, ratio: bt_ratio },
        ],
  );
  if (measured.length === 0) return [];
  const { product, ratio } = measured.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  return [{ target, measured: `at least ${times(ratio)} (${product})`, met: ratio >= 1 }];
}

/** Of all products of SmolLM2-135M, in f32 by those in int4: of one token, and of 256. */
function packedTargets({ packed_cpu }: Figures): TargetFigure[] {
  const total = (rows: number, target: string, least: number): TargetFigure[] => {
    const figures = packed_cpu.filter(({ m, product }) => m === rows && product.startsWith('135M'));
    if (figures.length === 0) return [];
    const sum = (ms: (figure: PackedFigure) => number) =>
      figures.reduce((all, figure) => all + timesInSmolLm2(figure) * ms(figure), 0);
    const ratio = sum(({ f32_ms }) => f32_ms) / sum(({ f32_ms, int4 }) => f32_ms / int4);
    const lowest = figures.reduce((a, b) => (b.int4 < a.int4 ? b : a));
    const measured = `${times(ratio)}, at least ${times(lowest.int4)} (${lowest.product})`;
    return [{ target, measured, met: ratio >= least }];
  };
  return [
    ...total(
      1,
      `CPU backend, products of a token of ${SMOLLM2} in int4: ≥ ${LEAST_OF_A_TOKEN} × f32`,
      LEAST_OF_A_TOKEN,
    ),
    ...total(256, `CPU backend, products of 256 tokens of ${SMOLLM2} in int4: no slower than f32`, 1),
  ];
}

function jobTargets({ adapter, job_ratio, perplexity_difference, dense_perplexity_difference }: Figures) {
  const difference = Math.max(perplexity_difference, dense_perplexity_difference);
  const targets: TargetFigure[] = [
    {
      target: `demo job: perplexities of both backends within ${100 * MOST_PERPLEXITY_DIFFERENCE} %`,
      measured: `${(100 * difference).toPrecision(2)} %`,
      met: difference <= MOST_PERPLEXITY_DIFFERENCE,
    },
  ];
  // Beside a GPU the CPU backend need not be faster.
  if (!adapter.is_fallback_adapter) return targets;
  const speed = (what: string, ratio: number | undefined): TargetFigure[] =>
    ratio === undefined
      ? []
      : [
          {
            target: `demo job, ${what}: CPU backend ≥ ${LEAST_OVER_SOFTWARE} × as fast as the software adapter`,
            measured: times(ratio),
            met: ratio >= LEAST_OVER_SOFTWARE,
          },
        ];
  return [
    ...targets,
    ...speed('what backends compute', job_ratio.computing),
    ...speed('from start to end, loading, exporting and verifying included', job_ratio.total),
  ];
}

function memoryTargets({ memory: { planned } }: Figures): TargetFigure[] {
  const large = Math.max(...planned.filter(({ model }) => model === LLAMA_7B).map((one) => one.planned_gpu_bytes));
  // More windows than the default ones may keep half a gigabyte of states on the device before they spill.
  const small = planned.filter(({ model, samples }) => model === SMOLLM2 && samples === DEFAULT_WINDOWS.samples);
  return [
    {
      target: `planned peak of ${LLAMA_7B}: ≤ ${MOST_BYTES_OF_7B / 1e9} GB`,
      measured: `${digits(large / 1e9)} GB`,
      met: large <= MOST_BYTES_OF_7B,
    },
    ...small.map(({ samples, seqlen, schedule, share_of_f32 }) => ({
      target: `planned peak of ${SMOLLM2}, ${samples} × ${seqlen} tokens, ${schedule}: < ${100 * MOST_SHARE} % of its f32 bytes`,
      measured: `${(100 * share_of_f32).toFixed(0)} %`,
      met: share_of_f32 < MOST_SHARE,
    })),
  ];
}

const times = (ratio: number) => `${digits(ratio)} ×`;

function digits(value: number): string {
  return value.toPrecision(3);
}
