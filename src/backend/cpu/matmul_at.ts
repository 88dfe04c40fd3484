/** @file CPU twin of `matmul_at`: output = a[:, :m]ᵀ · b[:, :n]. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkMatmulAt } from '../shapes.ts';
import { doubles } from './tensor.ts';

export function matmul_at(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmulAt(args);
  const output = doubles(args.output);
  if (!args.accumulate) output.fill(0);
  addProduct(m, n, k, transposed(view(doubles(args.a), a_stride)), view(doubles(args.b), b_stride), view(output, n));
}
