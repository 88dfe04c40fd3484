/**
 * @file The command side of one device: dispatches are recorded into one open compute pass and submitted together.
 * Everything is enqueued in call order; nothing is awaited until `read` or `sync`.
 */
import { WhittleError } from '../../errors/errors.ts';
import { addSpan, clock, type Lane, timelineId } from '../../pulse/timeline.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import type { Summation } from '../backend.ts';
import { memoryCosts } from '../memory_costs.ts';
import { GpuMemory, type GpuTensor } from './buffers.ts';
import type { WebGpuDevice } from './device.ts';
import { DeviceFaults, rejected } from './faults.ts';
import { GpuTiming } from './gpu_timing.ts';
import type { Grid, KernelDefinition } from './kernel.ts';
import { DEFAULT_VARIANT, type MatmulVariant } from './matmul_variants.ts';
import { PipelineCache } from './pipelines.ts';
import { UniformRing } from './uniforms.ts';
import { WorkBudget } from './work_budget.ts';

/** Stored bytes of loaded weights that may wait for their submit; a layer's would be half of the layer again. */
const MAX_RETIRED_BYTES = memoryCosts({ kind: 'webgpu', architecture: '' }).maxWaitingBytes;

export class GpuContext {
  /** As the self-test chose; integers until then. */
  summation: Summation = 'integer';
  readonly device: GPUDevice;
  readonly faults: DeviceFaults;
  readonly memory: GpuMemory;
  readonly isFallbackAdapter: boolean;
  /** Whether kernels with very large register tiles and loads shared by four lanes are worth their registers. */
  readonly prefersWideTiles: boolean;
  private readonly uniforms: UniformRing;
  private readonly pipelines: PipelineCache;
  /** Which matrix kernel is used on hardware; `autotune` sets it. */
  matmulVariant: MatmulVariant = DEFAULT_VARIANT;
  /** Multiply-adds of one dispatch and of one submit. */
  readonly budget: WorkBudget;
  private encoder?: GPUCommandEncoder;
  private pass?: GPUComputePassEncoder;
  private currentPipeline?: GPUComputePipeline;
  private batchWork = 0;
  /** While a timeline is kept. */
  private timing?: GpuTiming;
  /** Internal tensors whose last use is in the batch being recorded. */
  private retired: GpuTensor[] = [];
  private retiredBytes = 0;

  constructor({ device, info, subgroupMinSize, macsPerSecond }: WebGpuDevice) {
    this.device = device;
    this.isFallbackAdapter = info.isFallbackAdapter;
    this.prefersWideTiles = info.isFallbackAdapter && subgroupMinSize >= 4;
    this.budget = new WorkBudget(info.isFallbackAdapter, macsPerSecond);
    this.faults = new DeviceFaults(device);
    this.memory = new GpuMemory(device, this.faults, info.maxTensorBytes, () => this.flush());
    this.uniforms = new UniformRing(device, this.memory);
    this.pipelines = new PipelineCache(device, this.faults, this.uniforms);
  }

  tensor(shape: Shape, type: 'f32' | 'u32', label: string): GpuTensor {
    return this.memory.tensor(shape, type, label);
  }

  /** Writes host bytes to the start of a tensor that no recorded command uses yet. */
  upload(tensor: GpuTensor, source: Uint8Array): void {
    const data = source as Uint8Array<ArrayBuffer>;
    const whole = data.byteLength & ~3;
    if (whole > 0) this.device.queue.writeBuffer(tensor.buffer, 0, data, 0, whole);
    if (whole === data.byteLength) return;
    // A write must be a multiple of 4 bytes: an odd half float at the end goes with zero padding.
    const tail = new Uint8Array(4);
    tail.set(data.subarray(whole));
    this.device.queue.writeBuffer(tensor.buffer, whole, tail);
  }

  /** Frees an internal tensor once the batch that uses it has been submitted. */
  retire(tensor: GpuTensor): void {
    this.retired.push(tensor);
    this.retiredBytes += tensor.bytes;
    if (this.retiredBytes > MAX_RETIRED_BYTES) this.flush();
  }

  dispatch(
    definition: KernelDefinition,
    tensors: readonly GpuTensor[],
    params: Readonly<Record<string, number>>,
    overrides: Readonly<Record<string, number>>,
  ): void {
    const [x, y, z] = foldGrid(definition.name, definition.grid(params, overrides), this.device.limits);
    if (x === 0 || y === 0 || z === 0) return;
    if (timelineId() !== (this.timing?.id ?? 0)) this.followTimeline();
    const begun = this.timing ? clock() : 0;
    const work = definition.work?.(params, overrides) ?? 0;
    // A large dispatch begins a submit of its own.
    if (
      this.uniforms.isFull ||
      this.timing?.isFull ||
      (this.batchWork > 0 && this.batchWork + work > this.budget.perSubmit)
    )
      this.flush();
    const pass = this.openPass(definition.name);
    const pipeline = this.pipelines.pipeline(definition, overrides);
    if (pipeline !== this.currentPipeline) {
      pass.setPipeline(pipeline);
      this.currentPipeline = pipeline;
    }
    pass.setBindGroup(0, this.pipelines.bindGroup(definition, tensors));
    for (const _ in definition.params) {
      pass.setBindGroup(1, this.uniforms.bindGroup, [this.uniforms.push(definition.params, params)]);
      break;
    }
    pass.dispatchWorkgroups(x, y, z);
    this.batchWork += work;
    if (this.batchWork >= this.budget.perSubmit) this.flush();
    if (begun > 0) addSpan({ name: definition.name, kind: 'kernel', thread: 0, start: begun, end: clock() });
  }

  /** Compiles a kernel beside other work, with all of its overrides. */
  compile(definition: KernelDefinition, overrides: Readonly<Record<string, number>>): Promise<void> {
    return this.pipelines.compile(definition, overrides);
  }

  /** What the device did when, where a timeline is kept. */
  async lanes(): Promise<Lane[]> {
    const { timing } = this;
    return timing && timing.id === timelineId() ? [await timing.lane()] : [];
  }

  copy(from: GpuTensor, to: GpuTensor, bytes: number): void {
    this.openEncoder().copyBufferToBuffer(from.buffer, 0, to.buffer, 0, bytes);
  }

  /** The first `bytes` bytes of a tensor, after all work enqueued so far. */
  async readBytes(tensor: GpuTensor, bytes: number): Promise<ArrayBuffer> {
    this.faults.throwIfLost();
    const staging = this.memory.staging(Math.ceil(bytes / 4) * 4, `read of ${tensor.label}`);
    try {
      this.openEncoder().copyBufferToBuffer(tensor.buffer, 0, staging, 0, staging.size);
      this.flush();
      await staging.mapAsync(1 /* READ */).catch((cause) => this.faults.afterFailedMapping(cause));
      const copy = staging.getMappedRange().slice(0, bytes);
      await this.faults.settle();
      return copy;
    } finally {
      this.memory.destroy(staging);
    }
  }

  /** Submits what was recorded. */
  flush(): void {
    if (this.encoder) {
      this.endPass();
      this.uniforms.upload();
      const submitted = this.timing?.beforeSubmit(this.encoder);
      const commands = this.encoder.finish();
      this.encoder = undefined;
      this.batchWork = 0;
      this.device.queue.submit([commands]);
      submitted?.();
      this.faults.popScope(rejected);
    }
    this.retiredBytes = 0;
    for (const tensor of this.retired.splice(0)) tensor.dispose();
  }

  /** Waits for all work by a mapped read-back, because only a mapping tells that the device was lost. */
  async sync(): Promise<void> {
    const fence = this.tensor([1], 'u32', 'fence');
    try {
      await this.readBytes(fence, 4);
    } finally {
      fence.dispose();
    }
  }

  /** Frees the device and all of its memory; commands that were not submitted are dropped. */
  dispose(): void {
    this.endPass();
    this.encoder = undefined;
    this.retired = [];
    this.timing?.dispose();
    this.memory.destroyAll();
    this.device.destroy();
  }

  private openEncoder(): GPUCommandEncoder {
    this.endPass();
    if (!this.encoder) {
      this.faults.throwIfLost();
      this.faults.pushScope('validation');
      this.encoder = this.device.createCommandEncoder();
    }
    return this.encoder;
  }

  /** @param name Of the kernel that comes next: timestamps stand around passes, so that each kernel needs its own. */
  private openPass(name: string): GPUComputePassEncoder {
    const timestampWrites = this.timing?.writesOf(name);
    if (timestampWrites) this.pass = this.openEncoder().beginComputePass({ timestampWrites });
    this.pass ??= this.openEncoder().beginComputePass();
    return this.pass;
  }

  /** Begins, begins anew or ends keeping times, as the timeline is now. */
  private followTimeline(): void {
    this.flush();
    this.timing?.dispose();
    const id = timelineId();
    this.timing = id > 0 ? new GpuTiming(this.device, id) : undefined;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = undefined;
    this.currentPipeline = undefined;
  }
}

/** Bytes that the elements of a tensor take, which may be fewer than are allocated. */
export function usedBytes(tensor: GpuTensor): number {
  return elementCount(tensor.shape) * 4;
}

function foldGrid(name: string, grid: Grid, limits: GPUSupportedLimits): [x: number, y: number, z: number] {
  const most = limits.maxComputeWorkgroupsPerDimension;
  if (typeof grid === 'number') {
    if (grid <= most) return [grid, 1, 1];
    const y = Math.ceil(grid / most);
    return [Math.ceil(grid / y), y, 1];
  }
  const [x, y, z = 1] = grid;
  if (x > most || y > most || z > most) {
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `The kernel ${name} needs a grid of ${x} × ${y} × ${z} workgroups.`,
      allowed: `at most ${most} in each dimension`,
      action: 'Use fewer samples or shorter windows.',
    });
  }
  return [x, y, z];
}
