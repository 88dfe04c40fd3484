/** @file CPU twin of `matmul_bt`: output = a · b[:n, :k]ᵀ, a linear layer with weight b. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkMatmulBt } from '../shapes.ts';
import { doubles } from './tensor.ts';

export function matmul_bt(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmulBt(args);
  const output = doubles(args.output).fill(0);
  addProduct(m, n, k, view(doubles(args.a), a_stride), transposed(view(doubles(args.b), b_stride)), view(output, n));
}
