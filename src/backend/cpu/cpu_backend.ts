/**
 * @file The reference backend: every kernel of {@link Backend} in plain f64, computed at the call. Tests measure the WGSL
 * kernels and the f32 CPU backend (`../wasm/`) against it; no product path uses it.
 */
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Backend, BackendInfo, Eigendecomposition, EighArgs, Tensor } from '../backend.ts';
import { checkShape } from '../shapes.ts';
import { activation } from './activation.ts';
import { attention } from './attention.ts';
import { attention_backward } from './attention_backward.ts';
import { compare_logits } from './compare_logits.ts';
import { covariance } from './covariance.ts';
import { cross_entropy } from './cross_entropy.ts';
import { decode } from './decode.ts';
import { EIGH_SOLVER, eigh } from './eigh.ts';
import { glu } from './glu.ts';
import { HostBackend, MAX_TENSOR_BYTES } from './host_backend.ts';
import { matmul } from './matmul.ts';
import { matmul_at } from './matmul_at.ts';
import { matmul_bt } from './matmul_bt.ts';

const INFO: BackendInfo = {
  kind: 'cpu',
  vendor: '',
  architecture: 'f64',
  description: 'Reference backend: JavaScript, f64, one thread',
  isFallbackAdapter: false,
  maxTensorBytes: MAX_TENSOR_BYTES,
};

export function createCpuBackend(): Backend {
  return new CpuBackend();
}

class CpuBackend extends HostBackend {
  readonly info = INFO;
  protected readonly elementBytes = 8;

  readonly matmul = matmul;
  readonly matmul_bt = matmul_bt;
  readonly matmul_at = matmul_at;
  readonly attention = attention;
  readonly attention_backward = attention_backward;
  readonly glu = glu;
  readonly activation = activation;
  readonly covariance = covariance;
  readonly cross_entropy = cross_entropy;
  readonly compare_logits = compare_logits;

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor {
    const elements = checkShape(shape, label);
    return this.keep(shape, label, elements * 8, () => decode(bytes, dtype, shape, label));
  }

  async eigh(args: EighArgs): Promise<Eigendecomposition> {
    const { eigenvalues, eigenvectors } = await eigh(args);
    const shape = [eigenvalues.length, eigenvectors.length / eigenvalues.length];
    const label = `${args.covariance.label} eigenvectors`;
    const kept = this.keep(shape, label, eigenvectors.byteLength, () => eigenvectors);
    return { eigenvalues, eigenvectors: kept, sweeps: 0, solver: EIGH_SOLVER };
  }

  protected zeros(elements: number): Float64Array {
    return new Float64Array(elements);
  }

  protected zeroIds(length: number): Uint32Array {
    return new Uint32Array(length);
  }
}
