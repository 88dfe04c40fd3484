/** @file CPU twin of `matmul`: output = a · b[:, :n]. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, view } from '../linalg/gemm.ts';
import { checkMatmul } from '../shapes.ts';
import { floats } from './tensor.ts';

export function matmul(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmul(args);
  const output = floats(args.output).fill(0);
  addProduct(m, n, k, view(floats(args.a), a_stride), view(floats(args.b), b_stride), view(output, n));
}
