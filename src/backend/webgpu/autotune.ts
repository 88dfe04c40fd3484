/**
 * @file Chooses the matrix kernel that is fastest on this adapter: each variant is checked for right results, then timed, in
 * about a second at first use; the choice is kept by adapter and browser. One fixed shape averages 59 % of what each GPU can
 * do (llama.cpp#22241). The rate found also sets how long dispatches are made (`work_budget.ts`).
 */
import type { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { matmul_bt } from './kernels/matmul_bt.ts';
import { DEFAULT_VARIANT, MATMUL_VARIANTS, type MatmulVariant } from './matmul_variants.ts';

/** Where choices are kept between visits. A store that fails costs a second the next time, nothing else. */
export interface TuningStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

export interface Tuning {
  variant: MatmulVariant;
  /** Multiply-adds a second. */
  rate: number;
  /** How many times as fast as the default variant. */
  times_default: number;
}

export interface TuningOptions {
  /** Time for all variants together. */
  budgetMs: number;
  /** Rows, columns and steps of the product that is timed. */
  size: { m: number; n: number; k: number };
  variants: readonly MatmulVariant[];
}

const DEFAULTS: TuningOptions = { budgetMs: 1500, size: { m: 512, n: 2048, k: 1024 }, variants: MATMUL_VARIANTS };

/** Tails in every direction, and more than one workgroup of the largest shape. */
const CHECK = { m: 140, n: 268, k: 36 };
/** f32 sums of 36 products in another order. */
const TOLERANCE = 1e-4;
/** Another variant has to be this much faster than the default. */
const LEAST_GAIN = 1.05;

/** Takes the kept choice, or tunes and keeps it. @param key Names adapter and browser. */
export async function autotune(
  context: GpuContext,
  store: TuningStore,
  key: string,
  options: Partial<TuningOptions> = {},
): Promise<Tuning> {
  const tuning = parseTuning(await store.get(key).catch(() => undefined)) ?? (await tune(context, options));
  apply(context, tuning);
  await store.set(key, JSON.stringify(tuning)).catch(() => {});
  return tuning;
}

function apply(context: GpuContext, { variant, rate }: Tuning): void {
  context.matmulVariant = variant;
  context.budget.measured(rate);
}

/** Times all variants that compute what the default does. */
export async function tune(context: GpuContext, given: Partial<TuningOptions> = {}): Promise<Tuning> {
  const { budgetMs, size, variants } = { ...DEFAULTS, ...given };
  const before = context.matmulVariant;
  const owned: GpuTensor[] = [];
  const make = (rows: number, columns: number): GpuTensor => {
    const tensor = context.tensor([rows, columns], 'f32', 'autotune');
    context.upload(tensor, new Uint8Array(pattern(rows * columns).buffer));
    owned.push(tensor);
    return tensor;
  };
  try {
    const checked = { a: make(CHECK.m, CHECK.k), b: make(CHECK.n, CHECK.k), output: make(CHECK.m, CHECK.n) };
    const timed = { a: make(size.m, size.k), b: make(size.n, size.k), output: make(size.m, size.n) };
    const result = async (variant: MatmulVariant) => {
      context.matmulVariant = variant;
      matmul_bt(context, checked);
      return new Float32Array(await context.readBytes(checked.output, 4 * CHECK.m * CHECK.n));
    };
    const expected = await result(DEFAULT_VARIANT);
    const defaultMs = await time(context, timed, DEFAULT_VARIANT, budgetMs / variants.length);
    let best = { variant: DEFAULT_VARIANT, ms: defaultMs / LEAST_GAIN };
    const started = performance.now();
    for (const variant of variants) {
      if (performance.now() - started > budgetMs) break;
      if (variant === DEFAULT_VARIANT || !isAllowed(context, variant)) continue;
      const found = await result(variant).catch(() => undefined);
      if (!found || !isClose(found, expected)) continue;
      const ms = await time(context, timed, variant, budgetMs / variants.length);
      if (ms < best.ms) best = { variant, ms };
    }
    const ms = best.variant === DEFAULT_VARIANT ? defaultMs : best.ms;
    return { variant: best.variant, rate: (1000 * size.m * size.n * size.k) / ms, times_default: defaultMs / ms };
  } finally {
    context.matmulVariant = before;
    for (const tensor of owned) tensor.dispose();
  }
}

/** Milliseconds of one product: the best of several batches of at least 20 ms, each ended by one wait. */
async function time(
  context: GpuContext,
  product: { a: GpuTensor; b: GpuTensor; output: GpuTensor },
  variant: MatmulVariant,
  budgetMs: number,
): Promise<number> {
  context.matmulVariant = variant;
  const run = async (count: number) => {
    const started = performance.now();
    for (let i = 0; i < count; i++) matmul_bt(context, product);
    await context.sync();
    return (performance.now() - started) / count;
  };
  const started = performance.now();
  let best = await run(1); // also compiles
  let count = 1;
  do {
    const ms = await run(count);
    best = Math.min(best, ms);
    count = Math.max(1, Math.min(64, Math.ceil(20 / ms)));
  } while (performance.now() - started < budgetMs);
  return best;
}

function isAllowed({ device }: GpuContext, variant: MatmulVariant): boolean {
  const { limits } = device;
  const { WORKGROUP_X: x, WORKGROUP_Y: y } = variant;
  const memory = variant.kernel === 'shared' ? 128 * (x + y) * variant.K_STEP : 0;
  return x * y <= limits.maxComputeInvocationsPerWorkgroup && memory <= limits.maxComputeWorkgroupStorageSize;
}

function isClose(found: Float32Array, expected: Float32Array): boolean {
  // Written so that NaN is not close.
  return found.every((value, i) => Math.abs(value - expected[i]) <= TOLERANCE * Math.max(1, Math.abs(expected[i])));
}

/** Numbers between −1 and 1 that do not repeat with any stride in use. */
function pattern(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 2003) / 1001 - 1);
}

/** A kept choice, if it is one of the variants. */
function parseTuning(text: string | undefined): Tuning | undefined {
  if (text === undefined) return undefined;
  try {
    const { variant, rate, times_default } = JSON.parse(text) as Tuning;
    const known = MATMUL_VARIANTS.find((one) => JSON.stringify(one) === JSON.stringify(variant));
    const isMeasured = [rate, times_default].every((value) => Number.isFinite(value) && value > 0);
    return known && isMeasured ? { variant: known, rate, times_default } : undefined;
  } catch {
    return undefined;
  }
}
