/** @file The `webgpu` backend: WGSL kernels in f32 on one device. */
import { type DType, isFloatType } from '../../tensor/dtype.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import type * as backend from '../backend.ts';
import { checkCopy, checkDecode, checkFromArray, checkShape } from '../shapes.ts';
import { asGpuTensor, type GpuTensor } from './buffers.ts';
import { GpuContext } from './context.ts';
import { requestWebGpuDevice, type WebGpuDevice } from './device.ts';
import { eigh } from './eigh.ts';
import { activation } from './kernels/activation.ts';
import { add } from './kernels/add.ts';
import { add_bias } from './kernels/add_bias.ts';
import { attention } from './kernels/attention.ts';
import { center_columns } from './kernels/center_columns.ts';
import { center_rows } from './kernels/center_rows.ts';
import { count_non_finite } from './kernels/count_non_finite.ts';
import { covariance } from './kernels/covariance.ts';
import { cross_entropy } from './kernels/cross_entropy.ts';
import { decode } from './kernels/decode.ts';
import { decodeBlocks } from './kernels/decode_blocks.ts';
import { embedding } from './kernels/embedding.ts';
import { glu } from './kernels/glu.ts';
import { layer_norm } from './kernels/layer_norm.ts';
import { matmul } from './kernels/matmul.ts';
import { matmul_at } from './kernels/matmul_at.ts';
import { matmul_bt } from './kernels/matmul_bt.ts';
import { rms_norm } from './kernels/rms_norm.ts';
import { rotary } from './kernels/rotary.ts';
import { scale } from './kernels/scale.ts';
import { scale_columns } from './kernels/scale_columns.ts';
import { soft_cap } from './kernels/soft_cap.ts';
import { testFloats } from './self_test.ts';

export class WebGpuBackend implements backend.Backend {
  info: backend.BackendInfo;
  readonly memory: backend.MemoryUse;
  /** What kernels are dispatched on. */
  readonly context: GpuContext;

  constructor(device: WebGpuDevice) {
    this.info = device.info;
    this.context = new GpuContext(device);
    this.memory = this.context.memory.use;
  }

  /** Runs the self-test and takes the path that it finds right; where it fails, integers stay, which need no promise. */
  async testFloats(): Promise<void> {
    const { capabilities } = this.info;
    if (!capabilities) return;
    const floats = await testFloats(this.context).catch(() => undefined);
    this.memory.peakBytes = this.memory.currentBytes;
    if (!floats) return;
    this.context.summation = floats.summation;
    this.info = { ...this.info, capabilities: { ...capabilities, floats } };
  }

  empty(shape: Shape, label: string): GpuTensor {
    checkShape(shape, label);
    return this.context.tensor(shape, 'f32', label);
  }

  emptyIds(length: number, label: string): GpuTensor {
    checkShape([length], label);
    return this.context.tensor([length], 'u32', label);
  }

  fromArray(values: ArrayLike<number>, shape: Shape, label: string): GpuTensor {
    checkFromArray(values, shape, label);
    const tensor = this.context.tensor(shape, 'f32', label);
    this.context.upload(tensor, bytesOf(values instanceof Float32Array ? values : Float32Array.from(values)));
    return tensor;
  }

  fromIds(ids: ArrayLike<number>, label: string): GpuTensor {
    checkFromArray(ids, [ids.length], label);
    const tensor = this.context.tensor([ids.length], 'u32', label);
    this.context.upload(tensor, bytesOf(ids instanceof Uint32Array ? ids : Uint32Array.from(ids)));
    return tensor;
  }

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): GpuTensor {
    const elements = checkDecode(bytes, dtype, shape, label);
    const tensor = this.context.tensor(shape, 'f32', label);
    if (dtype === 'F32') {
      this.context.upload(tensor, bytes);
      return tensor;
    }
    const words = this.context.tensor([Math.ceil(bytes.byteLength / 4)], 'u32', `${label} (stored)`);
    this.context.upload(words, bytes);
    if (isFloatType(dtype)) decode(this.context, dtype, words, tensor, elements);
    else decodeBlocks(this.context, dtype, words, tensor, elements);
    this.context.retire(words);
    return tensor;
  }

  async read(tensor: backend.Tensor): Promise<Float32Array | Float64Array> {
    const bytes = await this.context.readBytes(asGpuTensor(tensor), elementCount(tensor.shape) * 4);
    return tensor.type === 'f32' ? new Float32Array(bytes) : Float64Array.from(new Uint32Array(bytes));
  }

  copy(from: backend.Tensor, to: backend.Tensor): void {
    const { elements } = checkCopy(from, to);
    this.context.copy(asGpuTensor(from), asGpuTensor(to), elements * 4);
  }

  flush(): void {
    this.context.flush();
  }

  sync(): Promise<void> {
    return this.context.sync();
  }

  dispose(): void {
    this.context.dispose();
  }

  embedding(args: backend.EmbeddingArgs): void {
    embedding(this.context, args);
  }

  rms_norm(args: backend.RmsNormArgs): void {
    rms_norm(this.context, args);
  }

  layer_norm(args: backend.LayerNormArgs): void {
    layer_norm(this.context, args);
  }

  matmul(args: backend.MatmulArgs): void {
    matmul(this.context, args);
  }

  matmul_bt(args: backend.MatmulArgs): void {
    matmul_bt(this.context, args);
  }

  matmul_at(args: backend.MatmulArgs): void {
    matmul_at(this.context, args);
  }

  add_bias(args: backend.AddBiasArgs): void {
    add_bias(this.context, args);
  }

  rotary(args: backend.RotaryArgs): void {
    rotary(this.context, args);
  }

  attention(args: backend.AttentionArgs): void {
    attention(this.context, args);
  }

  glu(args: backend.GluArgs): void {
    glu(this.context, args);
  }

  activation(args: backend.ActivationArgs): void {
    activation(this.context, args);
  }

  scale(args: backend.ScaleArgs): void {
    scale(this.context, args);
  }

  soft_cap(args: backend.SoftCapArgs): void {
    soft_cap(this.context, args);
  }

  add(args: backend.AddArgs): void {
    add(this.context, args);
  }

  covariance(args: backend.CovarianceArgs): void {
    covariance(this.context, args);
  }

  scale_columns(args: backend.ScaleColumnsArgs): void {
    scale_columns(this.context, args);
  }

  center_rows(args: backend.CenterRowsArgs): void {
    center_rows(this.context, args);
  }

  center_columns(args: backend.CenterColumnsArgs): void {
    center_columns(this.context, args);
  }

  cross_entropy(args: backend.CrossEntropyArgs): void {
    cross_entropy(this.context, args);
  }

  count_non_finite(args: backend.CountNonFiniteArgs): void {
    count_non_finite(this.context, args);
  }

  eigh(args: backend.EighArgs): Promise<backend.Eigendecomposition> {
    return eigh(this.context, args);
  }
}

/** @param gpu The browser's `navigator.gpu` unless given. @throws `no_webgpu`. */
export async function createWebGpuBackend(gpu?: GPU): Promise<WebGpuBackend> {
  const created = new WebGpuBackend(await requestWebGpuDevice(gpu));
  await created.testFloats();
  return created;
}

function bytesOf(view: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
