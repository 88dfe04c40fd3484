/**
 * @file Kernel parameters: one uniform buffer of 256-byte slots, addressed by dynamic offsets. A batch of dispatches
 * fills the slots on the host; they are uploaded in one write just before the batch is submitted.
 */
import type { GpuMemory } from './buffers.ts';

export type ScalarType = 'u32' | 'i32' | 'f32';

const SLOT_COUNT = 1024;

export class UniformRing {
  readonly bindGroupLayout: GPUBindGroupLayout;
  readonly bindGroup: GPUBindGroup;
  private readonly buffer: GPUBuffer;
  private readonly slotBytes: number;
  private readonly host: ArrayBuffer;
  private readonly u32: Uint32Array;
  private readonly i32: Int32Array;
  private readonly f32: Float32Array;
  private used = 0;

  constructor(
    private readonly device: GPUDevice,
    memory: GpuMemory,
  ) {
    this.slotBytes = device.limits.minUniformBufferOffsetAlignment;
    this.buffer = memory.uniform(SLOT_COUNT * this.slotBytes, 'params');
    this.host = new ArrayBuffer(this.buffer.size);
    this.u32 = new Uint32Array(this.host);
    this.i32 = new Int32Array(this.host);
    this.f32 = new Float32Array(this.host);
    this.bindGroupLayout = device.createBindGroupLayout({
      label: 'params',
      entries: [{ binding: 0, visibility: 4 /* COMPUTE */, buffer: { type: 'uniform', hasDynamicOffset: true } }],
    });
    this.bindGroup = device.createBindGroup({
      label: 'params',
      layout: this.bindGroupLayout,
      entries: [{ binding: 0, resource: { buffer: this.buffer, size: this.slotBytes } }],
    });
  }

  get isFull(): boolean {
    return this.used === SLOT_COUNT;
  }

  /** Packs 4-byte scalars in the order of `types` and returns the dynamic offset of their slot. */
  push(types: Readonly<Record<string, ScalarType>>, values: Readonly<Record<string, number>>): number {
    const offset = this.used++ * this.slotBytes;
    let word = offset / 4;
    for (const name in types) {
      const type = types[name];
      const view = type === 'f32' ? this.f32 : type === 'i32' ? this.i32 : this.u32;
      view[word++] = values[name];
    }
    return offset;
  }

  /** Uploads the filled slots; call right before the submit that uses them. */
  upload(): void {
    if (this.used > 0) this.device.queue.writeBuffer(this.buffer, 0, this.host, 0, this.used * this.slotBytes);
    this.used = 0;
  }
}
