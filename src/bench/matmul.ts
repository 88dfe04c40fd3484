/** @file Matrix products of both backends, each beside onnxruntime-web's at the same shape. */
import type { Backend } from '../backend/backend.ts';
import { runCpuTask } from './cpu_task.ts';
import type { CpuMatmulFigure, MatmulFigure, MatmulShape, NamedShape } from './figures.ts';
import { ortMatmul } from './ort_matmul.ts';
import { largestDifference, operands, ownMatmul } from './own_matmul.ts';
import type { OrtProduct, OwnProduct } from './page_protocol.ts';

/** On WebGPU, beside onnxruntime-web's `webgpu` provider on the same adapter. */
export async function benchMatmul(backend: Backend, shape: NamedShape): Promise<MatmulFigure> {
  const given = operands(shape);
  const own = await ownMatmul(backend, shape, given);
  const other = await ortMatmul(shape, given.a, given.b);
  return {
    ...shape,
    gflops: gflops(shape, own.ms),
    ort_webgpu_gflops: gflops(shape, other.ms),
    ratio: other.ms / own.ms,
    bt_gflops: gflops(shape, own.bt_ms),
    bt_ratio: other.ms / own.bt_ms,
    difference: largestDifference(own.product, other.product),
  };
}

/** What else a machine does can only make it slower: the best of two rounds, the two of them in turn, is told. */
const ROUNDS = 2;

/** On the CPU, beside onnxruntime-web's `wasm` provider. */
export async function benchCpuMatmul(shape: NamedShape): Promise<CpuMatmulFigure> {
  const { m, k, n } = shape;
  const own: OwnProduct[] = [];
  const others: OrtProduct[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(await runCpuTask('whittle_matmul', { m, k, n }));
    const other = await runCpuTask('ort_matmul', { m, k, n }).catch((error) => void console.warn(error));
    if (other) others.push(other);
  }
  const [ms, bt_ms] = [Math.min(...own.map((one) => one.ms)), Math.min(...own.map((one) => one.bt_ms))];
  const figure = { ...shape, gflops: gflops(shape, ms), bt_gflops: gflops(shape, bt_ms), threads: own[0].threads };
  if (others.length === 0) return { ...figure, ort_wasm_gflops: null, ratio: null, bt_ratio: null, difference: null };
  const ort_ms = Math.min(...others.map((one) => one.ms));
  return {
    ...figure,
    ort_wasm_gflops: gflops(shape, ort_ms),
    ratio: ort_ms / ms,
    bt_ratio: ort_ms / bt_ms,
    difference: largestDifference(own[0].product, others[0].product),
  };
}

function gflops({ m, k, n }: MatmulShape, ms: number): number {
  return (2 * m * k * n) / (ms * 1e6);
}
