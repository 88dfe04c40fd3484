/**
 * @file The reference backend: every kernel of {@link Backend} in plain f64, computed at the call. It serves where there
 * is no WebGPU, and it is what the WGSL kernels are measured against.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Backend, BackendInfo, Eigendecomposition, EighArgs, MemoryUse, Tensor } from '../backend.ts';
import { nextTask } from '../event_loop.ts';
import { checkCopy, checkFromArray, checkShape } from '../shapes.ts';
import { activation } from './activation.ts';
import { add } from './add.ts';
import { add_bias } from './add_bias.ts';
import { attention } from './attention.ts';
import { center_columns } from './center_columns.ts';
import { center_rows } from './center_rows.ts';
import { count_non_finite } from './count_non_finite.ts';
import { covariance } from './covariance.ts';
import { cross_entropy } from './cross_entropy.ts';
import { decode } from './decode.ts';
import { EIGH_SOLVER, eigh } from './eigh.ts';
import { embedding } from './embedding.ts';
import { glu } from './glu.ts';
import { layer_norm } from './layer_norm.ts';
import { matmul } from './matmul.ts';
import { matmul_at } from './matmul_at.ts';
import { matmul_bt } from './matmul_bt.ts';
import { rms_norm } from './rms_norm.ts';
import { rotary } from './rotary.ts';
import { scale } from './scale.ts';
import { scale_columns } from './scale_columns.ts';
import { soft_cap } from './soft_cap.ts';
import { CpuTensor, floats, ids } from './tensor.ts';

/** V8 allows 2^33 bytes and more; 2 GiB is what every engine gives. */
const MAX_TENSOR_BYTES = 2 ** 31;

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

class CpuBackend implements Backend {
  readonly info = INFO;
  private readonly use: MemoryUse = { currentBytes: 0, peakBytes: 0 };
  private readonly tensors = new Set<CpuTensor>();

  readonly embedding = embedding;
  readonly rms_norm = rms_norm;
  readonly layer_norm = layer_norm;
  readonly matmul = matmul;
  readonly matmul_bt = matmul_bt;
  readonly matmul_at = matmul_at;
  readonly add_bias = add_bias;
  readonly rotary = rotary;
  readonly attention = attention;
  readonly glu = glu;
  readonly activation = activation;
  readonly scale = scale;
  readonly soft_cap = soft_cap;
  readonly add = add;
  readonly covariance = covariance;
  readonly scale_columns = scale_columns;
  readonly center_rows = center_rows;
  readonly center_columns = center_columns;
  readonly cross_entropy = cross_entropy;
  readonly count_non_finite = count_non_finite;

  get memory(): Readonly<MemoryUse> {
    return this.use;
  }

  empty(shape: Shape, label: string): Tensor {
    const elements = checkShape(shape, label);
    return this.keep(shape, label, elements * 8, () => new Float64Array(elements));
  }

  emptyIds(length: number, label: string): Tensor {
    checkShape([length], label);
    return this.keep([length], label, length * 4, () => new Uint32Array(length));
  }

  fromArray(values: ArrayLike<number>, shape: Shape, label: string): Tensor {
    const elements = checkFromArray(values, shape, label);
    return this.keep(shape, label, elements * 8, () => new Float64Array(values));
  }

  fromIds(token_ids: ArrayLike<number>, label: string): Tensor {
    checkShape([token_ids.length], label);
    return this.keep([token_ids.length], label, token_ids.length * 4, () => new Uint32Array(token_ids));
  }

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor {
    const elements = checkShape(shape, label);
    return this.keep(shape, label, elements * 8, () => decode(bytes, dtype, shape, label));
  }

  async read(tensor: Tensor): Promise<Float64Array> {
    return new Float64Array(tensor.type === 'u32' ? ids(tensor) : floats(tensor));
  }

  copy(from: Tensor, to: Tensor): void {
    checkCopy(from, to);
    if (from.type === 'u32') ids(to).set(ids(from));
    else floats(to).set(floats(from));
  }

  /** Kernels run at the call: nothing waits. */
  flush(): void {}

  /** Nothing to wait for, but a Worker must be able to receive `cancel` here. */
  sync(): Promise<void> {
    return nextTask();
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
    this.tensors.clear();
  }

  async eigh(args: EighArgs): Promise<Eigendecomposition> {
    const { eigenvalues, eigenvectors } = await eigh(args);
    const shape = args.covariance.shape;
    const label = `${args.covariance.label} eigenvectors`;
    const kept = this.keep(shape, label, eigenvectors.byteLength, () => eigenvectors);
    return { eigenvalues, eigenvectors: kept, sweeps: 0, solver: EIGH_SOLVER };
  }

  private keep(shape: Shape, label: string, bytes: number, allocate: () => Float64Array | Uint32Array): Tensor {
    if (bytes > MAX_TENSOR_BYTES) {
      throw new WhittleError({
        code: 'limit_exceeded',
        message: `A tensor of ${bytes} bytes was asked for.`,
        place: { tensor: label },
        allowed: `at most ${MAX_TENSOR_BYTES} bytes`,
      });
    }
    const tensor = new CpuTensor(allocated(bytes, label, allocate), [...shape], label, this.use, (freed) =>
      this.tensors.delete(freed),
    );
    this.tensors.add(tensor);
    return tensor;
  }
}

/** Engines report a failed allocation as a RangeError. */
function allocated(
  bytes: number,
  label: string,
  allocate: () => Float64Array | Uint32Array,
): Float64Array | Uint32Array {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WhittleError(
      {
        code: 'out_of_memory',
        message: `${bytes} bytes of memory could not be had.`,
        place: { tensor: label },
        action: 'Close other tabs, use shorter windows, or choose a smaller model.',
      },
      { cause: error },
    );
  }
}
