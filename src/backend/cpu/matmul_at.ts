/** @file CPU twin of `matmul_at`: output = a[:, :m]ᵀ · b[:, :n]. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkMatmulAt } from '../shapes.ts';
import { floats } from './tensor.ts';

export function matmul_at(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmulAt(args);
  const output = floats(args.output).fill(0);
  addProduct(m, n, k, transposed(view(floats(args.a), a_stride)), view(floats(args.b), b_stride), view(output, n));
}
