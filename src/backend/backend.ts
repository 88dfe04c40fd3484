/**
 * @file The `Backend` interface: typed kernels over opaque tensors. Implementations: `webgpu/` (WGSL, f32), `wasm/` (the
 * CPU in f32, kind `cpu`) and `cpu/` (the f64 reference of the tests). Models, runtime and methods know only this file.
 *
 * Kernels are enqueued in call order and write into `output` tensors that the caller allocated; nothing is awaited until
 * `read` or `sync`. Shapes are checked at the call and throw `kernel_shape`.
 *
 * Matrices are row-major. Where a kernel's operand may be larger than its use, the *leading* rows or columns are used:
 * this is how slicing happens (`(W·Q)[:, :d]` is `matmul` with an output of d columns).
 */
import type { Lane } from '../pulse/timeline.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import type {
  ActivationArgs,
  AddArgs,
  AddBiasArgs,
  AttentionArgs,
  CenterColumnsArgs,
  CenterRowsArgs,
  ClipArgs,
  CompareLogitsArgs,
  CountNonFiniteArgs,
  CovarianceArgs,
  CrossEntropyArgs,
  Eigendecomposition,
  Eigh64Args,
  EighArgs,
  EighTogetherArgs,
  EmbeddingArgs,
  GluArgs,
  LayerNormArgs,
  MatmulArgs,
  MatmulBtArgs,
  OutlierColumnsArgs,
  QuantizeColumnsArgs,
  QuantizeRowsArgs,
  RmsNormArgs,
  RmsScaleArgs,
  RotaryArgs,
  ScaleArgs,
  ScaleColumnsArgs,
  SoftCapArgs,
  WriteRowsArgs,
  XieluArgs,
} from './kernel_args.ts';
import type { AddProduct } from './linalg/gemm.ts';
import type { BackendInfo, MemoryUse, PackedMatrix, SparseMatrix, Tensor } from './tensors.ts';
import type { TrainingKernels } from './training_kernels.ts';

export type * from './kernel_args.ts';
export type * from './tensors.ts';

export interface Backend extends TrainingKernels {
  readonly info: BackendInfo;
  /** Live counters. Setting `peakBytes` to `currentBytes` starts a new peak. */
  readonly memory: MemoryUse;

  /** Zero-filled tensor. Throws `out_of_memory` or `limit_exceeded`. */
  empty(shape: Shape, label: string): Tensor;
  emptyIds(length: number, label: string): Tensor;
  fromArray(values: ArrayLike<number>, shape: Shape, label: string): Tensor;
  fromIds(ids: ArrayLike<number>, label: string): Tensor;
  /** Uploads little-endian stored bytes and decodes them to f32 on the device. */
  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor;
  /**
   * Keeps grouped integers in their bytes, for `matmul_bt`. Undefined where they must be held as floats; absent where the
   * backend has no products with integers.
   */
  readonly pack?: (matrix: PackedMatrix, label: string) => Tensor | undefined;
  /** The same of stored blocks of a type of `info.packsBlocks`: a matrix (out, in) of whole blocks. */
  readonly packBlocks?: (bytes: Uint8Array, dtype: DType, shape: Shape, label: string) => Tensor | undefined;
  /** What threads besides this one, and the device, did when, where a timeline is kept (`src/pulse`). Asked between kernels. */
  readonly lanes?: () => Lane[] | Promise<Lane[]>;
  /** Begins to compile, beside other work, what most jobs need and takes long to compile: once it is chosen, before a model is opened. */
  readonly compileAhead?: () => void;
  /** Once what the forward pass needs of that is there: what is used before is compiled twice. */
  readonly compiled?: () => Promise<void>;
  /** The same of a matrix that is two of four sparse. */
  readonly packSparse?: (matrix: SparseMatrix, label: string) => Tensor | undefined;
  /** Copies `rows` of a 2-D tensor to the host. u32 tensors are read as numbers too. */
  read(tensor: Tensor): Promise<Float32Array | Float64Array>;
  /**
   * A copy of a tensor as the bytes of half floats, each rounded to nearest even: undefined where a value is NaN or becomes infinite;
   * absent where the host does as well with what `read` gives. @param into Taken for the copy where it is large enough.
   */
  readonly readHalves?: (tensor: Tensor, into?: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined;
  /** Values become the half floats that are nearest to them; absent where that is not rounded to even on every device. */
  readonly roundToHalves?: (tensor: Tensor) => void;
  /**
   * The numbers of a tensor where they lie, until it is freed: for whoever would else copy them out and in again. Absent where they do not
   * lie on the host.
   */
  readonly lend?: (tensor: Tensor) => Float32Array | Float64Array;
  /** Copies a tensor's elements into another of the same element count. */
  copy(from: Tensor, to: Tensor): void;
  /** Hands enqueued work to the device, without waiting. */
  flush(): void;
  /** C += A·B of the host's f64 arrays on all threads, for linear algebra; absent where one thread does as well. */
  readonly addProduct?: AddProduct;
  /** As `eigh`, of f64 that never becomes a tensor; absent where a tensor holds all that the solver takes. */
  readonly eigh64?: (args: Eigh64Args) => Promise<Eigendecomposition>;
  /** How many matrices of n rows `eigh64Together` is best given at a time; 1: it does no better than `eigh64`. */
  readonly countTogether?: (n: number) => number;
  /** As `eigh64` of several matrices, with the same bits: `take` gets one after another, and is waited for. */
  readonly eigh64Together?: (
    args: EighTogetherArgs,
    take: (found: Eigendecomposition, index: number) => Promise<void>,
  ) => Promise<void>;
  /** Resolves when all enqueued work is done; throws `device_lost`, `out_of_memory` or `shader_error` if it was not. */
  sync(): Promise<void>;
  dispose(): void;

  embedding(args: EmbeddingArgs): void;
  rms_norm(args: RmsNormArgs): void;
  rms_scale(args: RmsScaleArgs): void;
  layer_norm(args: LayerNormArgs): void;
  matmul(args: MatmulArgs): void;
  matmul_bt(args: MatmulBtArgs): void;
  matmul_at(args: MatmulArgs): void;
  add_bias(args: AddBiasArgs): void;
  rotary(args: RotaryArgs): void;
  attention(args: AttentionArgs): void;
  glu(args: GluArgs): void;
  activation(args: ActivationArgs): void;
  scale(args: ScaleArgs): void;
  soft_cap(args: SoftCapArgs): void;
  clip(args: ClipArgs): void;
  xielu(args: XieluArgs): void;
  quantize_rows(args: QuantizeRowsArgs): void;
  quantize_columns(args: QuantizeColumnsArgs): void;
  outlier_columns(args: OutlierColumnsArgs): void;
  write_rows(args: WriteRowsArgs): void;
  add(args: AddArgs): void;
  covariance(args: CovarianceArgs): void;
  scale_columns(args: ScaleColumnsArgs): void;
  center_rows(args: CenterRowsArgs): void;
  center_columns(args: CenterColumnsArgs): void;
  cross_entropy(args: CrossEntropyArgs): void;
  compare_logits(args: CompareLogitsArgs): void;
  count_non_finite(args: CountNonFiniteArgs): void;
  eigh(args: EighArgs): Promise<Eigendecomposition>;
}
