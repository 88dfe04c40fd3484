/**
 * @file What both CPU backends share: tensors in the host's memory, their limits, and the kernels that go element by
 * element or row by row, which compute in f64 and round where the tensor is f32.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type {
  ActivationArgs,
  AttentionArgs,
  Backend,
  BackendInfo,
  CompareLogitsArgs,
  CovarianceArgs,
  CrossEntropyArgs,
  Eigendecomposition,
  EighArgs,
  GluArgs,
  MatmulArgs,
  MatmulBtArgs,
  MemoryUse,
  Tensor,
} from '../backend.ts';
import { nextTask } from '../event_loop.ts';
import { checkCopy, checkFromArray, checkShape } from '../shapes.ts';
import type { AttentionBackwardArgs } from '../training_kernels.ts';
import { activation_backward } from './activation_backward.ts';
import { adamw } from './adamw.ts';
import { add } from './add.ts';
import { add_bias } from './add_bias.ts';
import { center_columns } from './center_columns.ts';
import { center_rows } from './center_rows.ts';
import { clip } from './clip.ts';
import { clip_backward } from './clip_backward.ts';
import { column_sums } from './column_sums.ts';
import { count_non_finite } from './count_non_finite.ts';
import { cross_entropy_backward } from './cross_entropy_backward.ts';
import { divergence } from './divergence.ts';
import { divergence_backward } from './divergence_backward.ts';
import { embedding } from './embedding.ts';
import { fake_quantize } from './fake_quantize.ts';
import { fake_quantize_backward } from './fake_quantize_backward.ts';
import { glu_backward } from './glu_backward.ts';
import { group_sums } from './group_sums.ts';
import { layer_norm } from './layer_norm.ts';
import { layer_norm_backward } from './layer_norm_backward.ts';
import { outlier_columns } from './outlier_columns.ts';
import { quantize_columns } from './quantize_columns.ts';
import { quantize_rows } from './quantize_rows.ts';
import { rms_norm } from './rms_norm.ts';
import { rms_norm_backward } from './rms_norm_backward.ts';
import { rms_scale } from './rms_scale.ts';
import { rotary } from './rotary.ts';
import { scale } from './scale.ts';
import { scale_columns } from './scale_columns.ts';
import { scale_groups } from './scale_groups.ts';
import { scatter_add } from './scatter_add.ts';
import { soft_cap } from './soft_cap.ts';
import { CpuTensor, type Floats, floats, ids, type Values } from './tensor.ts';
import { write_rows } from './write_rows.ts';
import { xielu } from './xielu.ts';
import { xielu_backward } from './xielu_backward.ts';

/** V8 allows 2^33 bytes and more; 2 GiB is what every engine gives. */
export const MAX_TENSOR_BYTES = 2 ** 31;

export abstract class HostBackend implements Backend {
  abstract readonly info: BackendInfo;
  protected abstract readonly elementBytes: 4 | 8;
  readonly memory: MemoryUse = { currentBytes: 0, peakBytes: 0 };
  private readonly tensors = new Set<CpuTensor>();

  readonly embedding = embedding;
  readonly rms_norm = rms_norm;
  readonly rms_scale = rms_scale;
  readonly layer_norm = layer_norm;
  readonly add_bias = add_bias;
  readonly rotary = rotary;
  readonly scale = scale;
  readonly soft_cap = soft_cap;
  readonly clip = clip;
  readonly xielu = xielu;
  readonly quantize_rows = quantize_rows;
  readonly quantize_columns = quantize_columns;
  readonly outlier_columns = outlier_columns;
  readonly write_rows = write_rows;
  readonly add = add;
  readonly scale_columns = scale_columns;
  readonly center_rows = center_rows;
  readonly center_columns = center_columns;
  readonly count_non_finite = count_non_finite;
  readonly rms_norm_backward = rms_norm_backward;
  readonly layer_norm_backward = layer_norm_backward;
  readonly glu_backward = glu_backward;
  readonly activation_backward = activation_backward;
  readonly xielu_backward = xielu_backward;
  readonly clip_backward = clip_backward;
  readonly cross_entropy_backward = cross_entropy_backward;
  readonly divergence = divergence;
  readonly divergence_backward = divergence_backward;
  readonly column_sums = column_sums;
  readonly scatter_add = scatter_add;
  readonly adamw = adamw;
  readonly fake_quantize = fake_quantize;
  readonly fake_quantize_backward = fake_quantize_backward;
  readonly scale_groups = scale_groups;
  readonly group_sums = group_sums;
  abstract attention_backward(args: AttentionBackwardArgs): void;

  abstract matmul(args: MatmulArgs): void;
  abstract matmul_bt(args: MatmulBtArgs): void;
  abstract matmul_at(args: MatmulArgs): void;
  abstract attention(args: AttentionArgs): void;
  abstract glu(args: GluArgs): void;
  abstract activation(args: ActivationArgs): void;
  abstract covariance(args: CovarianceArgs): void;
  abstract cross_entropy(args: CrossEntropyArgs): void;
  abstract compare_logits(args: CompareLogitsArgs): void;
  abstract eigh(args: EighArgs): Promise<Eigendecomposition>;
  abstract decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor;

  /** Zeros, in the backend's precision. */
  protected abstract zeros(elements: number): Floats;
  protected abstract zeroIds(length: number): Uint32Array;

  /** Takes the memory of a tensor that was freed. */
  protected recycle(_: Values): void {}

  empty(shape: Shape, label: string): Tensor {
    const elements = checkShape(shape, label);
    return this.keep(shape, label, elements * this.elementBytes, () => this.zeros(elements));
  }

  emptyIds(length: number, label: string): Tensor {
    checkShape([length], label);
    return this.keep([length], label, length * 4, () => this.zeroIds(length));
  }

  fromArray(values: ArrayLike<number>, shape: Shape, label: string): Tensor {
    const elements = checkFromArray(values, shape, label);
    return this.keep(shape, label, elements * this.elementBytes, () => filled(this.zeros(elements), values));
  }

  fromIds(token_ids: ArrayLike<number>, label: string): Tensor {
    checkShape([token_ids.length], label);
    const allocate = () => filled(this.zeroIds(token_ids.length), token_ids);
    return this.keep([token_ids.length], label, token_ids.length * 4, allocate);
  }

  /** A copy; u32 values come as f64, which holds all of them. */
  async read(tensor: Tensor): Promise<Float32Array | Float64Array> {
    if (tensor.type === 'u32') return new Float64Array(ids(tensor));
    const values = floats(tensor);
    // A constructor takes shared memory element by element.
    const copy = values instanceof Float64Array ? new Float64Array(values.length) : new Float32Array(values.length);
    copy.set(values);
    return copy;
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

  protected keep(
    shape: Shape,
    label: string,
    bytes: number,
    allocate: () => Floats | Uint32Array,
    type?: 'packed',
  ): Tensor {
    if (bytes > MAX_TENSOR_BYTES) {
      throw new WhittleError({
        code: 'limit_exceeded',
        message: `A tensor of ${bytes} bytes was asked for.`,
        place: { tensor: label },
        allowed: `at most ${MAX_TENSOR_BYTES} bytes`,
        action: 'Use shorter or fewer windows.',
      });
    }
    const tensor = new CpuTensor(
      allocated(bytes, label, allocate),
      [...shape],
      label,
      this.memory,
      (freed, values) => {
        this.tensors.delete(freed);
        this.recycle(values);
      },
      type,
    );
    this.tensors.add(tensor);
    return tensor;
  }
}

function filled<T extends Floats | Uint32Array>(target: T, values: ArrayLike<number>): T {
  target.set(values);
  return target;
}

/** Engines report a failed allocation as a RangeError. */
export function allocated<T>(bytes: number, label: string, allocate: () => T): T {
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
