/** @file Whittle's matrix product beside onnxruntime-web's on the same adapter. */
import type { Backend } from '../backend/backend.ts';
import { randomNumbers } from '../backend/matrix_families.ts';
import type { MatmulFigure, MatmulShape } from './figures.ts';
import { ortMatmul } from './ort_matmul.ts';
import { medianMs } from './timing.ts';

export async function benchMatmul(backend: Backend, shape: MatmulShape): Promise<MatmulFigure> {
  const { m, k, n } = shape;
  const uniform = randomNumbers(m + k + n);
  const a = Float32Array.from({ length: m * k }, () => uniform() - 0.5);
  const b = Float32Array.from({ length: k * n }, () => uniform() - 0.5);
  const own = await ownMatmul(backend, shape, a, b);
  const other = await ortMatmul(shape, a, b);
  const gigaflop = (2 * m * k * n) / 1e9;
  return {
    ...shape,
    gflops: gigaflop / (own.ms / 1000),
    ort_webgpu_gflops: gigaflop / (other.ms / 1000),
    ratio: other.ms / own.ms,
    difference: largestDifference(own.product, other.product),
  };
}

async function ownMatmul(backend: Backend, { m, k, n }: MatmulShape, a: Float32Array, b: Float32Array) {
  const tensors = {
    a: backend.fromArray(a, [m, k], 'a'),
    b: backend.fromArray(b, [k, n], 'b'),
    output: backend.empty([m, n], 'product'),
  };
  try {
    const ms = await medianMs(
      () => backend.matmul(tensors),
      () => backend.sync(),
    );
    return { ms, product: await backend.read(tensors.output) };
  } finally {
    for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}

function largestDifference(own: ArrayLike<number>, other: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < own.length; i++) {
    difference = Math.max(difference, Math.abs(own[i] - other[i]));
    largest = Math.max(largest, Math.abs(own[i]));
  }
  return difference / largest;
}
