/** @file The `webgpu` backend: WGSL kernels in f32 on one device. */
import type { DType } from '../../tensor/dtype.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import type * as backend from '../backend.ts';
import { checkCopy, checkDecode, checkFromArray, checkShape } from '../shapes.ts';
import type * as training from '../training_kernels.ts';
import { autotune, type TuningOptions, type TuningStore } from './autotune.ts';
import { asGpuTensor, type GpuTensor } from './buffers.ts';
import { type Compiling, compileAhead } from './compile_ahead.ts';
import { GpuContext } from './context.ts';
import { decodeInto } from './decode_into.ts';
import { type DeviceBounds, requestWebGpuDevice, type WebGpuDevice } from './device.ts';
import { eigh } from './eigh.ts';
import { activation } from './kernels/activation.ts';
import { activation_backward } from './kernels/activation_backward.ts';
import { adamw } from './kernels/adamw.ts';
import { add } from './kernels/add.ts';
import { add_bias } from './kernels/add_bias.ts';
import { attention } from './kernels/attention.ts';
import { attention_backward } from './kernels/attention_backward.ts';
import { center_rows } from './kernels/center_rows.ts';
import { clip } from './kernels/clip.ts';
import { clip_backward } from './kernels/clip_backward.ts';
import { column_sums } from './kernels/column_sums.ts';
import { compare_logits } from './kernels/compare_logits.ts';
import { count_non_finite } from './kernels/count_non_finite.ts';
import { cross_entropy } from './kernels/cross_entropy.ts';
import { cross_entropy_backward } from './kernels/cross_entropy_backward.ts';
import { divergence } from './kernels/divergence.ts';
import { divergence_backward } from './kernels/divergence_backward.ts';
import { fake_quantize } from './kernels/fake_quantize.ts';
import { fake_quantize_backward } from './kernels/fake_quantize_backward.ts';
import { glu } from './kernels/glu.ts';
import { glu_backward } from './kernels/glu_backward.ts';
import { group_sums } from './kernels/group_sums.ts';
import { layer_norm } from './kernels/layer_norm.ts';
import { layer_norm_backward } from './kernels/layer_norm_backward.ts';
import { matmul } from './kernels/matmul.ts';
import { matmul_at } from './kernels/matmul_at.ts';
import { matmul_bt } from './kernels/matmul_bt.ts';
import { outlier_columns } from './kernels/outlier_columns.ts';
import { quantize_columns } from './kernels/quantize_columns.ts';
import { quantize_rows } from './kernels/quantize_rows.ts';
import { rms_norm } from './kernels/rms_norm.ts';
import { rms_norm_backward } from './kernels/rms_norm_backward.ts';
import { rms_scale } from './kernels/rms_scale.ts';
import { rotary } from './kernels/rotary.ts';
import { scale } from './kernels/scale.ts';
import { scale_columns } from './kernels/scale_columns.ts';
import { scale_groups } from './kernels/scale_groups.ts';
import { scatter_add } from './kernels/scatter_add.ts';
import { soft_cap } from './kernels/soft_cap.ts';
import { write_rows } from './kernels/write_rows.ts';
import { xielu } from './kernels/xielu.ts';
import { xielu_backward } from './kernels/xielu_backward.ts';
import { tunedChoice, untunedChoice } from './matmul_choice.ts';
import { pack } from './packed.ts';
import { testFloats } from './self_test.ts';
import { packSparse } from './sparse.ts';
import { allocate, isSplit, rowParts, rowsOf, type SplitTensor } from './split.ts';
import { eachPart, splitCenterColumns, splitCovariance, splitEigh, splitEmbedding } from './split_kernels.ts';

export class WebGpuBackend implements backend.Backend {
  info: backend.BackendInfo;
  readonly memory: backend.MemoryUse;
  /** What kernels are dispatched on. */
  readonly context: GpuContext;
  private compiling?: Compiling;

  constructor(device: WebGpuDevice) {
    this.context = new GpuContext(device);
    this.info = { ...withMatmulVariant(device.info, untunedChoice(this.context)), packs: true };
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

  /**
   * Takes the matrix kernel that suits the adapter, measured once and then kept under this key. A software adapter has its own
   * kernels, which no other shape beats.
   */
  async tune(store: TuningStore, key: string, options?: Partial<TuningOptions>): Promise<void> {
    if (this.info.isFallbackAdapter) return;
    this.info = withMatmulVariant(this.info, tunedChoice(await autotune(this.context, store, key, options)));
  }

  compileAhead(): void {
    this.compiling ??= compileAhead(this.context);
  }

  async compiled(): Promise<void> {
    await this.compiling?.forward;
  }

  empty(shape: Shape, label: string): GpuTensor | SplitTensor {
    checkShape(shape, label);
    return allocate(this.context, shape, label, this.info.maxTensorBytes);
  }

  emptyIds(length: number, label: string): GpuTensor {
    checkShape([length], label);
    return this.context.tensor([length], 'u32', label);
  }

  fromArray(values: ArrayLike<number>, shape: Shape, label: string): GpuTensor | SplitTensor {
    checkFromArray(values, shape, label);
    const tensor = allocate(this.context, shape, label, this.info.maxTensorBytes);
    const bytes = bytesOf(values instanceof Float32Array ? values : Float32Array.from(values));
    for (const part of rowParts(tensor).parts) this.context.upload(part.tensor, rowsOf(bytes, part, shape));
    return tensor;
  }

  fromIds(ids: ArrayLike<number>, label: string): GpuTensor {
    checkFromArray(ids, [ids.length], label);
    const tensor = this.context.tensor([ids.length], 'u32', label);
    this.context.upload(tensor, bytesOf(ids instanceof Uint32Array ? ids : Uint32Array.from(ids)));
    return tensor;
  }

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): GpuTensor | SplitTensor {
    checkDecode(bytes, dtype, shape, label);
    const tensor = allocate(this.context, shape, label, this.info.maxTensorBytes);
    for (const part of rowParts(tensor).parts) decodeInto(this.context, part.tensor, rowsOf(bytes, part, shape), dtype);
    return tensor;
  }

  pack(matrix: backend.PackedMatrix, label: string): GpuTensor | undefined {
    return pack(this.context, matrix, label, this.info.maxTensorBytes);
  }

  packSparse(matrix: backend.SparseMatrix, label: string): GpuTensor | undefined {
    return packSparse(this.context, matrix, label, this.info.maxTensorBytes);
  }

  async read(tensor: backend.Tensor): Promise<Float32Array | Float64Array> {
    if (isSplit(tensor)) return this.readParts(tensor);
    const bytes = await this.context.readBytes(asGpuTensor(tensor), elementCount(tensor.shape) * 4);
    return tensor.type === 'f32' ? new Float32Array(bytes) : Float64Array.from(new Uint32Array(bytes));
  }

  private async readParts({ shape, parts }: SplitTensor): Promise<Float32Array> {
    const values = new Float32Array(elementCount(shape));
    for (const { first, rows, tensor } of parts) {
      values.set(new Float32Array(await this.context.readBytes(tensor, 4 * rows * shape[1])), first * shape[1]);
    }
    return values;
  }

  copy(from: backend.Tensor, to: backend.Tensor): void {
    checkCopy(from, to);
    const one = (context: GpuContext, pair: { from: backend.Tensor; to: backend.Tensor }) =>
      context.copy(asGpuTensor(pair.from), asGpuTensor(pair.to), elementCount(pair.from.shape) * 4);
    eachPart(this.context, one, { from, to }, ['from', 'to']);
  }

  lanes() {
    return this.context.lanes();
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
    splitEmbedding(this.context, args);
  }

  rms_norm(args: backend.RmsNormArgs): void {
    eachPart(this.context, rms_norm, args, ['hidden_states', 'output']);
  }

  rms_scale(args: backend.RmsScaleArgs): void {
    eachPart(this.context, rms_scale, args, ['hidden_states', 'output']);
  }

  layer_norm(args: backend.LayerNormArgs): void {
    eachPart(this.context, layer_norm, args, ['hidden_states', 'output']);
  }

  matmul(args: backend.MatmulArgs): void {
    matmul(this.context, args);
  }

  matmul_bt(args: backend.MatmulBtArgs): void {
    matmul_bt(this.context, args);
  }

  matmul_at(args: backend.MatmulArgs): void {
    matmul_at(this.context, args);
  }

  add_bias(args: backend.AddBiasArgs): void {
    eachPart(this.context, add_bias, args, ['hidden_states']);
  }

  rotary(args: backend.RotaryArgs): void {
    eachPart(this.context, rotary, args, ['states'], args.seqlen);
  }

  attention(args: backend.AttentionArgs): void {
    eachPart(this.context, attention, args, ['query', 'key', 'value', 'output'], args.seqlen);
  }

  glu(args: backend.GluArgs): void {
    eachPart(this.context, glu, args, ['gate', 'up', 'output']);
  }

  activation(args: backend.ActivationArgs): void {
    eachPart(this.context, activation, args, ['hidden_states', 'output']);
  }

  scale(args: backend.ScaleArgs): void {
    eachPart(this.context, scale, args, ['hidden_states']);
  }

  soft_cap(args: backend.SoftCapArgs): void {
    eachPart(this.context, soft_cap, args, ['hidden_states']);
  }

  /** With `kept`, whose rows are windows, the matrices have to lie in one part. */
  quantize_rows(args: backend.QuantizeRowsArgs): void {
    if (args.kept) quantize_rows(this.context, args);
    else eachPart(this.context, quantize_rows, { ...args, seqlen: undefined }, ['hidden_states', 'output']);
  }

  quantize_columns(args: backend.QuantizeColumnsArgs): void {
    eachPart(this.context, quantize_columns, args, ['hidden_states', 'output']);
  }

  outlier_columns(args: backend.OutlierColumnsArgs): void {
    outlier_columns(this.context, args);
  }

  write_rows(args: backend.WriteRowsArgs): void {
    write_rows(this.context, args);
  }

  xielu(args: backend.XieluArgs): void {
    eachPart(this.context, xielu, args, ['hidden_states', 'output']);
  }

  clip(args: backend.ClipArgs): void {
    eachPart(this.context, clip, args, ['hidden_states']);
  }

  add(args: backend.AddArgs): void {
    eachPart(this.context, add, args, ['a', 'b', 'output']);
  }

  covariance(args: backend.CovarianceArgs): void {
    splitCovariance(this.context, args);
  }

  scale_columns(args: backend.ScaleColumnsArgs): void {
    eachPart(this.context, scale_columns, args, ['weight', 'output']);
  }

  center_rows(args: backend.CenterRowsArgs): void {
    eachPart(this.context, center_rows, args, ['hidden_states']);
  }

  center_columns(args: backend.CenterColumnsArgs): void {
    splitCenterColumns(this.context, args);
  }

  cross_entropy(args: backend.CrossEntropyArgs): void {
    cross_entropy(this.context, args);
  }

  compare_logits(args: backend.CompareLogitsArgs): void {
    compare_logits(this.context, args);
  }

  count_non_finite(args: backend.CountNonFiniteArgs): void {
    eachPart(this.context, count_non_finite, args, ['tensor']);
  }

  rms_norm_backward(args: training.RmsNormBackwardArgs): void {
    eachPart(this.context, rms_norm_backward, args, ['hidden_states', 'grad_output', 'grad_input']);
  }

  layer_norm_backward(args: training.LayerNormBackwardArgs): void {
    eachPart(this.context, layer_norm_backward, args, ['hidden_states', 'grad_output', 'grad_input']);
  }

  glu_backward(args: training.GluBackwardArgs): void {
    eachPart(this.context, glu_backward, args, ['gate', 'up', 'grad_output', 'grad_gate', 'grad_up']);
  }

  activation_backward(args: training.ActivationBackwardArgs): void {
    eachPart(this.context, activation_backward, args, ['hidden_states', 'grad_output', 'grad_input']);
  }

  xielu_backward(args: training.XieluBackwardArgs): void {
    eachPart(this.context, xielu_backward, args, ['hidden_states', 'grad_output', 'grad_input']);
  }

  clip_backward(args: training.ClipBackwardArgs): void {
    eachPart(this.context, clip_backward, args, ['clipped', 'gradient']);
  }

  attention_backward(args: training.AttentionBackwardArgs): void {
    attention_backward(this.context, args);
  }

  cross_entropy_backward(args: training.CrossEntropyBackwardArgs): void {
    cross_entropy_backward(this.context, args);
  }

  divergence(args: training.DivergenceArgs): void {
    divergence(this.context, args);
  }

  divergence_backward(args: training.DivergenceBackwardArgs): void {
    divergence_backward(this.context, args);
  }

  column_sums(args: training.ColumnSumsArgs): void {
    column_sums(this.context, args);
  }

  scatter_add(args: training.ScatterAddArgs): void {
    scatter_add(this.context, args);
  }

  adamw(args: training.AdamwArgs): void {
    adamw(this.context, args);
  }

  fake_quantize(args: training.FakeQuantizeArgs): void {
    fake_quantize(this.context, args);
  }

  fake_quantize_backward(args: training.FakeQuantizeBackwardArgs): void {
    fake_quantize_backward(this.context, args);
  }

  scale_groups(args: training.ScaleGroupsArgs): void {
    scale_groups(this.context, args);
  }

  group_sums(args: training.GroupSumsArgs): void {
    group_sums(this.context, args);
  }

  async eigh(args: backend.EighArgs): Promise<backend.Eigendecomposition> {
    if (!isSplit(args.covariance)) return eigh(this.context, args);
    const { shape, label } = args.covariance;
    const fill = (vectors: Float64Array) => this.fromArray(vectors, shape, `eigenvectors of ${label}`);
    return splitEigh(await this.readParts(args.covariance), args, fill);
  }
}

/** @param gpu The browser's `navigator.gpu` unless given. @throws `no_webgpu`. */
export async function createWebGpuBackend(gpu?: GPU, bounds?: DeviceBounds): Promise<WebGpuBackend> {
  const created = new WebGpuBackend(await requestWebGpuDevice(gpu, bounds));
  await created.testFloats();
  return created;
}

function withMatmulVariant(info: backend.BackendInfo, matmul_variant: backend.MatmulChoice): backend.BackendInfo {
  const { capabilities } = info;
  return capabilities ? { ...info, capabilities: { ...capabilities, matmul_variant } } : info;
}

function bytesOf(view: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
