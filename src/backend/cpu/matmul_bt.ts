/** @file CPU twin of `matmul_bt`: output = a · b[:n, :k]ᵀ, a linear layer with weight b. */
import type { MatmulArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkMatmulBt } from '../shapes.ts';
import { floats } from './tensor.ts';

export function matmul_bt(args: MatmulArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmulBt(args);
  const output = floats(args.output).fill(0);
  addProduct(m, n, k, view(floats(args.a), a_stride), transposed(view(floats(args.b), b_stride)), view(output, n));
}
