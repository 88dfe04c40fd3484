/**
 * @file Dense linear algebra in f64 beside torch: eigenpairs, factors, inverses and the best matrix of half the rank, by the CPU
 * backend's threads in Node and by torch, in turn.
 */
import { fileURLToPath } from 'node:url';
import { choleskyFactor, choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { type AddProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { inverseFactor } from '../../backend/linalg/inverse_factor.ts';
import { symmetricEigen, symmetricEigenvalues } from '../../backend/linalg/symmetric_eigen.ts';
import { invertUpper } from '../../backend/linalg/triangular.ts';
import { normalNumbers } from '../../backend/matrix_builders.ts';
import { createNodeCrew } from '../../backend/wasm/testing.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { lowRank } from '../../compress/solvers/low_rank.ts';
import { median } from '../median.ts';
import { digits, table } from '../tables.ts';
import { type Python, runPython } from './python.ts';

const SCRIPT = fileURLToPath(new URL('../../../tools/bench/torch_linalg.py', import.meta.url));
const PATIENCE_MS = 1_200_000;

/** The most that each may take beside torch; `low_rank` stands beside a whole SVD. */
const WANTED = {
  eigh: 2.5,
  eigenvalues: 2.5,
  cholesky: 4,
  solve: 4,
  triangular_inverse: 4,
  inverse_factor: 4,
  low_rank: 4,
} as const;
export type LinalgOperation = keyof typeof WANTED;
type Times = Record<LinalgOperation, number>;

export interface LinalgFigure {
  operation: LinalgOperation;
  n: number;
  /** Medians over the rounds, of each round's least. */
  whittle_ms: number;
  torch_ms: number;
  /** Median of the rounds' own ratios. */
  ratio: number;
  wanted: number;
}

/** Rounds, and runs of a round: both sides take turns, so that a busy minute weighs on both. */
export interface LinalgPlan {
  n: number;
  rounds: number;
  repeats: number;
}

export function linalgPlan(quick: boolean): LinalgPlan[] {
  if (quick) return [{ n: 576, rounds: 1, repeats: 5 }];
  return [
    { n: 576, rounds: 5, repeats: 5 },
    { n: 1536, rounds: 3, repeats: 2 },
    { n: 4096, rounds: 1, repeats: 1 },
  ];
}

export async function measureLinalg(
  plan: readonly LinalgPlan[],
  python: Python,
  threads: number,
  say: (text: string) => void = () => {},
): Promise<LinalgFigure[]> {
  const backend = createWasmBackend(threads > 1 ? await createNodeCrew(threads - 1) : undefined);
  const { addProduct } = backend;
  if (!addProduct) throw new RangeError('The CPU backend has no products in f64.');
  try {
    const figures: LinalgFigure[] = [];
    for (const { n, rounds, repeats } of plan) {
      const inputs = inputsOf(n, addProduct);
      const done: { whittle: Times; torch: Times }[] = [];
      for (let round = 1; round <= rounds; round++) {
        say(`linear algebra, n = ${n}, round ${round} of ${rounds}`);
        const whittle = await timesOf(inputs, repeats, addProduct);
        const answer = await runPython(python.command, [SCRIPT, `${n}`, `${threads}`, `${repeats}`], PATIENCE_MS);
        done.push({ whittle, torch: JSON.parse(answer) as Times });
      }
      figures.push(...figuresOf(n, done));
    }
    return figures;
  } finally {
    backend.dispose();
  }
}

/** Pure. @param rounds At least one. */
export function figuresOf(n: number, rounds: readonly { whittle: Times; torch: Times }[]): LinalgFigure[] {
  return (Object.keys(WANTED) as LinalgOperation[]).map((operation) => ({
    operation,
    n,
    whittle_ms: median(rounds.map(({ whittle }) => whittle[operation])),
    torch_ms: median(rounds.map(({ torch }) => torch[operation])),
    ratio: median(rounds.map(({ whittle, torch }) => whittle[operation] / torch[operation])),
    wanted: WANTED[operation],
  }));
}

export function linalgTable(figures: readonly LinalgFigure[]): string {
  return table(
    'linear algebra in f64 against torch (Whittle in Node, on its threads)',
    ['operation', 'n', 'whittle_ms', 'torch_ms', 'ratio', 'wanted'],
    figures.map(({ operation, n, whittle_ms, torch_ms, ratio, wanted }) => [
      ...[operation, `${n}`, whittle_ms.toFixed(1), torch_ms.toFixed(1), digits(ratio)],
      `≤ ${wanted}`,
    ]),
  );
}

interface Inputs {
  n: number;
  /** XᵀX / 2n of 2n normal samples. */
  gram: Float64Array;
  square: Float64Array;
}

function inputsOf(n: number, multiply: AddProduct): Inputs {
  const normal = normalNumbers(1);
  const samples = Float64Array.from({ length: 2 * n * n }, () => normal());
  const scaled = samples.map((value) => value / (2 * n));
  const gram = new Float64Array(n * n);
  multiply(n, n, 2 * n, transposed(view(samples, n)), view(scaled, n), view(gram, n));
  return { n, gram, square: samples.slice(0, n * n) };
}

async function timesOf({ n, gram, square }: Inputs, repeats: number, multiply: AddProduct): Promise<Times> {
  const options: LinalgOptions = { multiply };
  const { U } = await choleskyFactor(gram, n, options);
  const work: Record<LinalgOperation, () => Promise<unknown>> = {
    eigh: () => symmetricEigen(gram, n, undefined, multiply),
    eigenvalues: () => symmetricEigenvalues(gram, n, undefined, multiply),
    cholesky: () => choleskyFactor(gram, n, options),
    solve: () => choleskySolve(gram, square, n, n, options),
    triangular_inverse: () => invertUpper(U, n, options),
    inverse_factor: () => inverseFactor(gram.slice(), n, options),
    low_rank: () => lowRank(square, n, n, n >> 1, undefined, options),
  };
  const times = {} as Times;
  for (const [name, one] of Object.entries(work) as [LinalgOperation, () => Promise<unknown>][]) {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < repeats; i++) {
      const begun = performance.now();
      await one();
      least = Math.min(least, performance.now() - begun);
    }
    times[name] = least;
  }
  return times;
}
