/** @file Tensors in the host's memory: floats in one of two precisions (`f32` in the interface) and u32, counted. */
import { WhittleError } from '../../errors/errors.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { MemoryUse, Tensor } from '../backend.ts';

export type Floats = Float64Array | Float32Array;
export type Values = Floats | Uint32Array;

export class CpuTensor implements Tensor {
  readonly shape: Shape;
  readonly type: Tensor['type'];
  readonly label: string;
  private kept: Values | undefined;
  private clear: ((values: Values) => void) | undefined;
  private readonly memory: MemoryUse;
  private readonly onDispose: (tensor: CpuTensor, values: Values) => void;

  constructor(
    values: Values,
    shape: Shape,
    label: string,
    memory: MemoryUse,
    onDispose: (tensor: CpuTensor, values: Values) => void,
    type?: 'packed',
  ) {
    this.kept = values;
    this.onDispose = onDispose;
    this.shape = shape;
    this.label = label;
    this.type = type ?? (values instanceof Uint32Array ? 'u32' : 'f32');
    this.memory = memory;
    this.count(values.byteLength);
  }

  /** Throws `internal` after `dispose`: a freed tensor's numbers must never be used silently. */
  get values(): Values {
    const { kept, clear } = this;
    if (!kept)
      throw new WhittleError({ code: 'internal', message: 'A freed tensor was used.', place: { tensor: this.label } });
    if (clear) {
      this.clear = undefined;
      clear(kept);
    }
    return kept;
  }

  /** Its array still holds what an earlier one left there: `clear` comes before its first use, if none writes all of it. */
  clearedAtUse(clear: (values: Values) => void): void {
    this.clear = clear;
  }

  /** The array, for a kernel that writes all of it and reads nothing. */
  overwritten(): Values {
    this.clear = undefined;
    return this.values;
  }

  /** From now on the tensor holds `values`: the same numbers in another precision. */
  replace(values: Values): void {
    this.count(values.byteLength - this.values.byteLength);
    this.kept = values;
  }

  dispose(): void {
    const { kept } = this;
    if (!kept) return;
    this.count(-kept.byteLength);
    this.kept = undefined;
    this.onDispose(this, kept);
  }

  private count(bytes: number): void {
    this.memory.currentBytes += bytes;
    this.memory.peakBytes = Math.max(this.memory.peakBytes, this.memory.currentBytes);
  }
}

export function hostTensor(tensor: Tensor): CpuTensor {
  if (tensor instanceof CpuTensor) return tensor;
  throw new WhittleError({
    code: 'internal',
    message: 'A tensor of another backend was given to the CPU backend.',
    place: { tensor: tensor.label },
  });
}

/** The numbers of an `f32` tensor, in the precision of their backend. */
export function floats(tensor: Tensor): Floats {
  const { values } = hostTensor(tensor);
  if (!(values instanceof Uint32Array)) return values;
  throw new WhittleError({
    code: 'kernel_shape',
    message: 'Numbers were expected, token ids found.',
    place: { tensor: tensor.label },
  });
}

/** The numbers of an `f32` tensor of the f64 reference. */
export function doubles(tensor: Tensor): Float64Array {
  return floats(tensor) as Float64Array;
}

/** The numbers of a `u32` tensor. */
export function ids(tensor: Tensor): Uint32Array {
  const { values } = hostTensor(tensor);
  if (values instanceof Uint32Array) return values;
  throw new WhittleError({
    code: 'kernel_shape',
    message: 'Token ids were expected, numbers found.',
    place: { tensor: tensor.label },
  });
}
