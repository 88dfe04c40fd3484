/** @file What the bench measures, in full or with `--quick`. Pure: the solvers and families have the page's names. */
import { vocabularyBlockRows } from '../runtime/budgets.ts';
import type { LutShape, NamedShape } from './figures.ts';

export const TRIDIAGONAL = 'tridiagonal-dc-f32';
export const JACOBI = 'block-jacobi-f32';
export const HOST = 'householder-dc-f64';

/** The family whose time is told: what PCA of a residual stream decomposes. */
export const TIMED_FAMILY = 'covariance with outlier';
/** The size of SmolLM2-135M's residual stream. */
export const HIDDEN = 576;

export interface EigenPlan {
  solver: string;
  n: number;
  /** All, or the timed one. */
  families: 'all' | 'timed';
  /** In how many runs of the timed family; their median is told. */
  repeats: number;
}

export interface BenchPlan {
  products: NamedShape[];
  cpuProducts: NamedShape[];
  /** Of one token and of many. */
  packed: NamedShape[];
  lut: LutShape[];
  eigen: EigenPlan[];
  /** Every kind of activations, or those with an outlier × 1000. */
  allActivations: boolean;
}

interface LinearSizes {
  hidden: number;
  query: number;
  keyValue: number;
  intermediate: number;
  vocabulary: number;
}

const SMOLLM2: LinearSizes = { hidden: HIDDEN, query: 576, keyValue: 192, intermediate: 1536, vocabulary: 49152 };
const LLAMA_7B: LinearSizes = { hidden: 4096, query: 4096, keyValue: 4096, intermediate: 11008, vocabulary: 32000 };

/** Layers of SmolLM2-135M. */
const LAYERS = 30;

/** How often a token of SmolLM2-135M meets a product of {@link productsOf}; a block of the head counts as its share. */
export function timesInSmolLm2({ product, n }: Pick<NamedShape, 'product' | 'n'>): number {
  return product.includes('head') ? SMOLLM2.vocabulary / n : LAYERS * product.split(',').length;
}

/** The most elements that an operand may have: 2 GiB, which every limit of an adapter may be below. */
const MAX_TENSOR_BYTES = 2 ** 31;

/** All products of a model of the Llama family on so many tokens; equal shapes once. */
export function productsOf(model: string, tokens: number, sizes: LinearSizes): NamedShape[] {
  const { hidden, query, keyValue, intermediate, vocabulary } = sizes;
  const block = vocabularyBlockRows(vocabulary, hidden, tokens, MAX_TENSOR_BYTES);
  const all = [
    { product: 'q', k: hidden, n: query },
    { product: 'o', k: query, n: hidden },
    { product: 'k, v', k: hidden, n: keyValue },
    { product: 'gate, up', k: hidden, n: intermediate },
    { product: 'down', k: intermediate, n: hidden },
    { product: 'head block', k: hidden, n: block },
  ];
  const named: NamedShape[] = [];
  for (const { product, k, n } of all) {
    const same = named.find((one) => one.k === k && one.n === n);
    if (same) same.product += `, ${product}`;
    else named.push({ product: `${model} ${product}`, m: tokens, k, n });
  }
  return named;
}

const cube = (size: number): NamedShape => ({ product: 'cube', m: size, k: size, n: size });

/**
 * A 7 B model's products on WebGPU have 64 rows: onnxruntime-web would take a minute for 256 on a software adapter. Jacobi
 * is the fallback and the oracle; above n = 256 all families by it would take longer than everything else together.
 */
export function benchPlan(quick: boolean): BenchPlan {
  const small = productsOf('135M', 256, SMOLLM2);
  const packed = [1, 256].flatMap((tokens) => productsOf('135M', tokens, SMOLLM2));
  const { hidden, intermediate } = SMOLLM2;
  const lut = ([2, 3, 4] as const).flatMap((bits) => [
    ...[
      { k: hidden, n: intermediate, bits },
      { k: intermediate, n: hidden, bits },
    ],
    { k: LLAMA_7B.hidden, n: LLAMA_7B.query, bits },
  ]);
  const solve = (solver: string, n: number, families: EigenPlan['families']): EigenPlan => ({
    ...{ solver, n, families },
    repeats: n <= HIDDEN ? 3 : 1,
  });
  if (quick) {
    const products = [cube(512), ...small.filter(({ product }) => !product.includes('head'))];
    return {
      products,
      cpuProducts: products,
      packed,
      lut: lut.filter(({ k }) => k === HIDDEN),
      eigen: [
        ...[64, 256].map((n) => solve(TRIDIAGONAL, n, 'all')),
        ...[TRIDIAGONAL, JACOBI, HOST].map((solver) => solve(solver, HIDDEN, 'timed')),
      ],
      allActivations: false,
    };
  }
  return {
    products: [cube(512), cube(1024), ...small, ...productsOf('7B', 64, LLAMA_7B)],
    cpuProducts: [cube(512), cube(1024), ...small, ...productsOf('7B', 256, LLAMA_7B)],
    lut,
    packed: [...packed, ...productsOf('7B', 1, LLAMA_7B).filter(({ product }) => !product.includes('head'))],
    eigen: [
      ...[64, 256, HIDDEN, 1024, 2048].map((n) => solve(TRIDIAGONAL, n, 'all')),
      ...[solve(JACOBI, 64, 'all'), solve(JACOBI, 256, 'all'), solve(JACOBI, HIDDEN, 'timed')],
      ...[256, HIDDEN, 1024].map((n) => solve(HOST, n, 'timed')),
    ],
    allActivations: true,
  };
}
