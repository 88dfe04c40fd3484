/** @file Device memory: tensors over storage buffers, counted to the byte. */
import { WhittleError } from '../../errors/errors.ts';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.ts';
import type { MemoryUse, Tensor } from '../backend.ts';
import { type DeviceFaults, formatBytes, outOfMemory } from './faults.ts';

const STORAGE_USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC; the globals are absent in Node
const STAGING_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const UNIFORM_USAGE = 0x40 | 0x8; // UNIFORM | COPY_DST

/** A storage buffer with a shape. `id` keys cached bind groups; ids are never reused. */
export class GpuTensor implements Tensor {
  isDisposed = false;

  constructor(
    readonly buffer: GPUBuffer,
    readonly id: number,
    readonly shape: Shape,
    readonly type: Tensor['type'],
    readonly label: string,
    private readonly release: (tensor: GpuTensor) => void,
    /** Where it begins in its buffer: 0, but for views. */
    readonly offset = 0,
  ) {}

  /**
   * The same memory from `offset` bytes on, a multiple of 256, as kernels bind it. It owns nothing, and nothing is to be
   * read or written from the host through it.
   */
  view(offset: number, shape = this.shape): GpuTensor {
    if (offset === 0 && shape === this.shape) return this;
    return new GpuTensor(this.buffer, this.id, shape, this.type, this.label, () => {}, this.offset + offset);
  }

  /** Allocated bytes. */
  get bytes(): number {
    return this.buffer.size;
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.release(this);
  }
}

/** The tensor as this backend's own; throws for tensors that were freed or come from another backend. */
export function asGpuTensor(tensor: Tensor): GpuTensor {
  const isOurs = tensor instanceof GpuTensor;
  if (isOurs && !tensor.isDisposed) return tensor;
  if ('parts' in tensor) {
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `A kernel wants the tensor of shape ${formatShape(tensor.shape)} whole, which exceeds what this adapter binds at once.`,
      place: { tensor: tensor.label },
      action: 'Use shorter windows, or run on the CPU (backend "cpu").',
    });
  }
  throw new WhittleError({
    code: 'internal',
    message: isOurs ? 'A tensor was used after it was freed.' : 'A tensor of another backend was given to WebGPU.',
    place: { tensor: tensor.label },
  });
}

export class GpuMemory {
  readonly use: MemoryUse = { currentBytes: 0, peakBytes: 0 };
  private readonly live = new Set<GPUBuffer>();
  private nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly faults: DeviceFaults,
    private readonly maxTensorBytes: number,
    /** Called before a buffer is destroyed, because commands that are not submitted yet may use it. */
    private readonly beforeDestroy: () => void,
  ) {}

  /** A tensor over a new buffer; WebGPU zero-fills new buffers. At least 16 bytes, so that vec4 bindings are valid. */
  tensor(shape: Shape, type: 'f32' | 'u32', label: string): GpuTensor {
    this.faults.throwIfLost();
    const bytes = Math.max(16, Math.ceil(elementCount(shape) / 4) * 16);
    if (bytes > this.maxTensorBytes) {
      throw new WhittleError({
        code: 'limit_exceeded',
        message: `The tensor of shape ${formatShape(shape)} needs ${formatBytes(bytes)} (${bytes} bytes).`,
        place: { tensor: label },
        allowed: `at most ${formatBytes(this.maxTensorBytes)} (${this.maxTensorBytes} bytes) in one buffer on this adapter`,
        action: 'Use fewer samples or shorter windows, so that each tensor is smaller.',
      });
    }
    const buffer = this.create(bytes, STORAGE_USAGE, label);
    return new GpuTensor(buffer, this.nextId++, shape, type, label, (tensor) => {
      this.beforeDestroy();
      this.destroy(tensor.buffer);
    });
  }

  /** A buffer that the host can read. */
  staging(bytes: number, label: string): GPUBuffer {
    return this.create(bytes, STAGING_USAGE, label);
  }

  uniform(bytes: number, label: string): GPUBuffer {
    return this.create(bytes, UNIFORM_USAGE, label);
  }

  destroy(buffer: GPUBuffer): void {
    if (!this.live.delete(buffer)) return;
    this.use.currentBytes -= buffer.size;
    buffer.destroy();
  }

  destroyAll(): void {
    for (const buffer of this.live) this.destroy(buffer);
  }

  private create(size: number, usage: number, label: string): GPUBuffer {
    const before = this.use.currentBytes;
    const buffer = this.faults.scope(
      'out-of-memory',
      () => this.device.createBuffer({ size, usage, label }),
      () => outOfMemory(label, size, before),
    );
    this.live.add(buffer);
    this.use.currentBytes += size;
    this.use.peakBytes = Math.max(this.use.peakBytes, this.use.currentBytes);
    return buffer;
  }
}
