/**
 * @file What the adapter's float arithmetic does, found out by running it once when a device starts. WGSL lets a compiler
 * reassociate, fuse, flush subnormals and assume that NaN does not occur; so what matters here is tried, with data from
 * storage buffers, and the Gram sum in the very kernel that will be used.
 */
import type { FloatBehaviour, Summation } from '../backend.ts';
import type { GpuContext } from './context.ts';
import { covariance } from './kernels/covariance.ts';
import { SELF_TEST_WORDS, selfTestKernel } from './kernels/self_test.ts';

const U12 = 2 ** -12;
/** (1 + 2⁻¹²)² − (1 + 2⁻¹¹) is 2⁻²⁴ if fused, and 0 if the product is rounded first. */
const FUSION = [1 + U12, 1 + U12, -(1 + 2 * U12)];
const SUBNORMAL = [2 ** -70, 2 ** -70, 0];
const NOT_A_NUMBER = [Number.NaN, 1, 0];
const INFINITE = [Number.POSITIVE_INFINITY, 1, 0];
/** Rows that division and square root are compared with f64 on. */
const QUOTIENTS = Array.from({ length: 60 }, (_, i) => [
  Math.fround(1 + ((i * 0.6180339887498949) % 3)),
  Math.fround(1 + ((i * 0.4142135623730951) % 5)),
  0,
]);
const CASES = [FUSION, SUBNORMAL, NOT_A_NUMBER, INFINITE, ...QUOTIENTS];

/** Runs the self-test; a few milliseconds and two read-backs. */
export async function testFloats(context: GpuContext): Promise<FloatBehaviour> {
  const started = performance.now();
  const words = await runCases(context);
  const at = (row: number, word: number) => words[row * SELF_TEST_WORDS + word];
  const float = (row: number, word: number) => asFloat(at(row, word));
  let division = 0;
  let root = 0;
  for (const [i, [a, b]] of QUOTIENTS.entries()) {
    division = Math.max(division, errorInUlp(float(4 + i, 3), a / b));
    root = Math.max(root, errorInUlp(float(4 + i, 4), Math.sqrt(a)));
  }
  const integer_sum = await keepsDigits(context, 'integer');
  const float_sum = await keepsDigits(context, 'float');
  return {
    fma_fused: float(0, 0) === 2 ** -24,
    contracts: float(0, 1) === 2 ** -24,
    subnormals_kept: float(1, 2) === 2 ** -140,
    nan_differs_from_itself: at(2, 5) === 1,
    nan_by_bits: at(2, 6) === 1 && at(3, 6) === 0,
    nan_survives_max: Number.isNaN(float(2, 7)),
    division_ulp: division,
    sqrt_ulp: root,
    integer_sum,
    float_sum,
    summation: chosen(integer_sum, float_sum),
    ms: performance.now() - started,
  };
}

/**
 * Integers before floats: both cost the same beside a chunk's products, and a two-sum that survives today's compiler in this
 * kernel may not survive tomorrow's.
 */
export function chosen(integer_sum: boolean, float_sum: boolean): Summation {
  if (integer_sum) return 'integer';
  return float_sum ? 'float' : 'plain';
}

async function runCases(context: GpuContext): Promise<Uint32Array> {
  const count = CASES.length;
  const cases = context.tensor([count, 4], 'f32', 'self-test cases');
  const found = context.tensor([count, SELF_TEST_WORDS], 'u32', 'self-test results');
  try {
    const values = new Float32Array(4 * count);
    for (const [row, numbers] of CASES.entries()) values.set(numbers, 4 * row);
    context.upload(cases, new Uint8Array(values.buffer));
    selfTestKernel(context, { cases, found, count });
    return new Uint32Array(await context.readBytes(found, 4 * count * SELF_TEST_WORDS));
  } finally {
    cases.dispose();
    found.dispose();
  }
}

/**
 * Channels of the small Gram matrix. Eight go to the tiled kernel, which real sums will use. A software adapter takes half a
 * second to compile that one (SwiftShader, measured), so there the kernel for any size stands for it: the same pair sums,
 * compiled in 35 ms.
 */
const CHANNELS = { hardware: 8, software: 7 };
/** More than one chunk of 256 rows a call. */
const ROWS = 260;
const SCALES = [2 ** 10, 1, 2 ** 10, 2 ** 5, 1];

/** Whether Gram sums that f32 cannot hold come out exactly as a pair, in the kernel that is used for real ones. */
async function keepsDigits(context: GpuContext, summation: Summation): Promise<boolean> {
  const N = context.isFallbackAdapter ? CHANNELS.software : CHANNELS.hardware;
  const gram = context.tensor([N, N], 'f32', 'self-test sum');
  const low = context.tensor([N, N], 'f32', 'self-test rest');
  const exact = new Float64Array(N * N);
  try {
    for (const [call, scale] of SCALES.entries()) {
      // Whole numbers up to 31: what a chunk adds is exact in f32.
      const x = Float32Array.from({ length: ROWS * N }, (_, i) => scale * (((i * 37 + call * 11) % 61) - 29));
      for (let row = 0; row < ROWS; row++) {
        for (let i = 0; i < N; i++) for (let j = i; j < N; j++) exact[i * N + j] += x[row * N + i] * x[row * N + j];
      }
      const hidden_states = context.tensor([ROWS, N], 'f32', 'self-test states');
      context.upload(hidden_states, new Uint8Array(x.buffer));
      covariance(context, { hidden_states, covariance: gram, low }, summation);
      context.retire(hidden_states);
    }
    const high = new Float32Array(await context.readBytes(gram, 4 * N * N));
    const rest = new Float32Array(await context.readBytes(low, 4 * N * N));
    return exact.every((value, i) => high[i] + rest[i] === value);
  } finally {
    gram.dispose();
    low.dispose();
  }
}

function asFloat(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}

/** |found − exact| in units of the last f32 place of `exact`, a normal number. */
function errorInUlp(found: number, exact: number): number {
  return Math.abs(found - exact) / 2 ** (Math.floor(Math.log2(Math.abs(exact))) - 23);
}
