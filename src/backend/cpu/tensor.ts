/** @file Tensors of the CPU backend: f64 arrays (`f32` in the interface) and u32 arrays, with memory counted. */
import { WhittleError } from '../../errors/errors.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { MemoryUse, Tensor } from '../backend.ts';

type Values = Float64Array | Uint32Array;

export class CpuTensor implements Tensor {
  readonly shape: Shape;
  readonly type: 'f32' | 'u32';
  readonly label: string;
  private kept: Values | undefined;
  private readonly memory: MemoryUse;
  private readonly onDispose: (tensor: CpuTensor) => void;

  constructor(values: Values, shape: Shape, label: string, memory: MemoryUse, onDispose: (tensor: CpuTensor) => void) {
    this.kept = values;
    this.onDispose = onDispose;
    this.shape = shape;
    this.label = label;
    this.type = values instanceof Uint32Array ? 'u32' : 'f32';
    this.memory = memory;
    memory.currentBytes += values.byteLength;
    memory.peakBytes = Math.max(memory.peakBytes, memory.currentBytes);
  }

  /** Throws `internal` after `dispose`: a freed tensor's numbers must never be used silently. */
  get values(): Values {
    if (!this.kept)
      throw new WhittleError({ code: 'internal', message: 'A freed tensor was used.', place: { tensor: this.label } });
    return this.kept;
  }

  dispose(): void {
    if (!this.kept) return;
    this.memory.currentBytes -= this.kept.byteLength;
    this.kept = undefined;
    this.onDispose(this);
  }
}

function valuesOf(tensor: Tensor): Values {
  if (tensor instanceof CpuTensor) return tensor.values;
  throw new WhittleError({
    code: 'internal',
    message: 'A tensor of another backend was given to the CPU backend.',
    place: { tensor: tensor.label },
  });
}

/** The numbers of an `f32` tensor. */
export function floats(tensor: Tensor): Float64Array {
  const values = valuesOf(tensor);
  if (values instanceof Float64Array) return values;
  throw new WhittleError({
    code: 'kernel_shape',
    message: 'Numbers were expected, token ids found.',
    place: { tensor: tensor.label },
  });
}

/** The numbers of a `u32` tensor. */
export function ids(tensor: Tensor): Uint32Array {
  const values = valuesOf(tensor);
  if (values instanceof Uint32Array) return values;
  throw new WhittleError({
    code: 'kernel_shape',
    message: 'Token ids were expected, numbers found.',
    place: { tensor: tensor.label },
  });
}
