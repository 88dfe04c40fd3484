/** @file CPU twin of `matmul_bt`: output = row_scale ⊙ (a · b[:n, :k]ᵀ) ⊙ act(gate), a linear layer with weight b. */
import type { MatmulBtArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkMatmulBt } from '../shapes.ts';
import { ACTIVATIONS } from './activations.ts';
import { doubles } from './tensor.ts';

export function matmul_bt(args: MatmulBtArgs): void {
  const { m, n, k, a_stride, b_stride } = checkMatmulBt(args);
  const { accumulate, row_scale, gate } = args;
  const output = doubles(args.output);
  const hasFactors = row_scale !== undefined || gate !== undefined;
  const product = hasFactors ? new Float64Array(m * n) : output;
  if (!accumulate) output.fill(0);
  addProduct(m, n, k, view(doubles(args.a), a_stride), transposed(view(doubles(args.b), b_stride)), view(product, n));
  if (!hasFactors) return;
  const scale = row_scale && doubles(row_scale);
  const states = gate && doubles(gate.states);
  const act = gate && ACTIVATIONS[gate.activation];
  for (let i = 0; i < m * n; i++) {
    const gated = act && states ? act(states[i]) : 1;
    output[i] += product[i] * gated * (scale ? scale[Math.floor(i / n)] : 1);
  }
}
