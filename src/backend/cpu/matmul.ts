/** @file CPU twin of `matmul`: output = a · b[:, :n]. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, view } from '../linalg/gemm.ts';
import { checkMatmul } from '../shapes.ts';
import { doubles } from './tensor.ts';

export function matmul(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmul(args);
  const output = doubles(args.output);
  if (!args.accumulate) output.fill(0);
  addProduct(m, n, k, view(doubles(args.a), a_stride), view(doubles(args.b), b_stride), view(output, n));
}
