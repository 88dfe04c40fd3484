/**
 * @file The backend of machines without a GPU: f32 tensors in memory that all threads share, SIMD products and the other
 * kernels of a layer on all of them (`tasks.ts`), covariances and the eigensolver in f64. Kernels run at the call.
 *
 * A product reaches 40–50 GFLOP/s a thread, 1.5 to 3 times what onnxruntime-web's wasm provider does at the same shapes
 * (`npm run bench`, matmul_cpu), and its operands need not be copied into another heap: that is why no session of
 * onnxruntime-web runs here.
 */
import { blockOf, type DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type {
  ActivationArgs,
  AddArgs,
  AttentionArgs,
  Backend,
  BackendInfo,
  CompareLogitsArgs,
  CountNonFiniteArgs,
  CovarianceArgs,
  CrossEntropyArgs,
  Eigendecomposition,
  Eigh64Args,
  EighArgs,
  GluArgs,
  MatmulArgs,
  MatmulBtArgs,
  PackedMatrix,
  RmsNormArgs,
  RmsScaleArgs,
  RotaryArgs,
  ScaleColumnsArgs,
  SparseMatrix,
  Tensor,
} from '../backend.ts';
import { adamwElements } from '../cpu/adamw.ts';
import { addElements } from '../cpu/add.ts';
import { columnSumsColumns } from '../cpu/column_sums.ts';
import { countNonFiniteElements } from '../cpu/count_non_finite.ts';
import { crossEntropyBackwardRows } from '../cpu/cross_entropy_backward.ts';
import { divergenceRows } from '../cpu/divergence.ts';
import { divergenceBackwardRows } from '../cpu/divergence_backward.ts';
import { gluBackwardElements } from '../cpu/glu_backward.ts';
import { HostBackend, MAX_TENSOR_BYTES } from '../cpu/host_backend.ts';
import { rmsNormRows } from '../cpu/rms_norm.ts';
import { rmsNormBackwardRows } from '../cpu/rms_norm_backward.ts';
import { rmsScaleRows } from '../cpu/rms_scale.ts';
import { rotaryRows } from '../cpu/rotary.ts';
import { scaleColumnsRows } from '../cpu/scale_columns.ts';
import { doubles, floats, hostTensor, ids, type Values } from '../cpu/tensor.ts';
import type { AddProduct } from '../linalg/gemm.ts';
import { BLOCK_M } from '../linalg/panel_scratch.ts';
import type { TileWidth } from '../linalg/tile_kernel.ts';
import type { MatmulSizes } from '../shapes/matrices.ts';
import {
  checkActivation,
  checkAttention,
  checkAttentionBackward,
  checkCompareLogits,
  checkCovariance,
  checkCrossEntropy,
  checkDecode,
  checkEigh,
  checkGlu,
  checkMatmul,
  checkMatmulAt,
  checkMatmulBt,
  checkShape,
} from '../shapes.ts';
import type {
  AdamwArgs,
  AttentionBackwardArgs,
  ColumnSumsArgs,
  CrossEntropyBackwardArgs,
  DivergenceArgs,
  DivergenceBackwardArgs,
  GluBackwardArgs,
  RmsNormBackwardArgs,
} from '../training_kernels.ts';
import { type Arrays, HeapArrays, OwnArrays } from './arrays.ts';
import { isBlockType } from './block_kernel.ts';
import { KEPT_BYTES } from './block_quads.ts';
import { isFastAtBytes } from './byte_kernel.ts';
import type { Crew } from './crew.ts';
import { EigenSolver } from './eigen_solver.ts';
import { KeptMatrices } from './kept_matrices.ts';
import { epilogueOf, output, singles, singlesOf } from './operands.ts';
import { finerCount, rangeCount } from './range_counts.ts';
import { readHalves } from './read_halves.ts';
import { sharedProduct } from './shared_product.ts';
import { equalRanges, Threads, triangleRanges } from './threads.ts';

/**
 * @param crew None where memory cannot be shared: then one thread computes. It ends with the backend.
 * @param tiles Of the calling thread's products, for tests; by default those that are found to be the faster ones.
 * @param byBytes Whether many rows meet codes as bytes, for tests; by default where the engine is fast at it.
 */
export function createWasmBackend(crew?: Crew, tiles?: TileWidth, byBytes?: boolean): Backend {
  return new WasmBackend(new Threads(crew, tiles), crew ? new HeapArrays(crew.heap) : new OwnArrays(), byBytes);
}

class WasmBackend extends HostBackend {
  readonly info: BackendInfo;
  protected readonly elementBytes = 4;
  private readonly kept: KeptMatrices;
  readonly lanes = () => this.threads.lanes();
  /** Kernels reach codes by address: only where tensors lie in shared memory. */
  readonly pack?: (matrix: PackedMatrix, label: string) => Tensor | undefined;
  readonly packBlocks?: NonNullable<Backend['packBlocks']>;
  readonly packSparse?: (matrix: SparseMatrix, label: string) => Tensor | undefined;
  readonly lend?: NonNullable<Backend['lend']>;
  readonly readHalves?: NonNullable<Backend['readHalves']>;
  readonly roundToHalves?: (tensor: Tensor) => void;
  readonly addProduct: AddProduct;
  private readonly solver: EigenSolver;

  constructor(
    private readonly threads: Threads,
    private readonly arrays: Arrays,
    byBytes = isFastAtBytes(),
  ) {
    super();
    const { count } = threads;
    this.addProduct = sharedProduct({
      ...{ threads, arrays, parts: (products) => this.parts(products), recycle: (values) => this.recycle(values) },
    });
    this.kept = new KeptMatrices(threads, arrays, (...place) => this.keep(...place, 'packed'), byBytes);
    this.solver = new EigenSolver({
      ...{ threads, arrays, multiply: this.addProduct },
      keep: (shape, label, values) => this.keep(shape, label, values.byteLength, () => values),
    });
    if (arrays instanceof HeapArrays) {
      this.pack = this.kept.pack;
      this.packBlocks = this.kept.packBlocks;
      this.packSparse = this.kept.packSparse;
      this.lend = floats;
      this.readHalves = (tensor, into) =>
        readHalves(threads, arrays, singles(tensor), (products) => this.parts(products), into);
      this.roundToHalves = (tensor) => {
        const values = output(tensor);
        threads.run('round_halves', { values }, equalRanges(values.length, this.parts(8 * values.length), 8));
      };
    }
    this.info = {
      kind: 'cpu',
      vendor: '',
      architecture: 'wasm-simd',
      description: `WebAssembly SIMD, ${count === 1 ? 'one thread' : `${count} threads`}; PCA in f64`,
      isFallbackAdapter: false,
      maxTensorBytes: MAX_TENSOR_BYTES,
      ...(this.pack && { packs: true, packsBlocks: KEPT_BYTES, roundsInputs: byBytes }),
    };
  }

  matmul(args: MatmulArgs): void {
    this.product(args, checkMatmul(args), false, false);
  }

  matmul_bt(args: MatmulBtArgs): void {
    if (args.b.type === 'packed') {
      this.kept.multiply(args);
      return;
    }
    this.product(args, checkMatmulBt(args), false, true);
  }

  matmul_at(args: MatmulArgs): void {
    this.product(args, checkMatmulAt(args), true, false);
  }

  attention(args: AttentionArgs): void {
    const { rows, batch } = checkAttention(args);
    const { seqlen, heads, kv_heads, head_dim, scale, window, soft_cap, past } = args;
    const task = {
      ...{ query: singles(args.query), key: singles(args.key), value: singles(args.value) },
      output: output(args.output, rows * heads * head_dim),
      slopes: args.slopes && singles(args.slopes),
      ...{ seqlen, heads, kv_heads, head_dim, scale, window, soft_cap, past },
    };
    // A single query over many kept keys is work for all threads, too.
    const ranges = this.parts(rows * ((past ?? 0) + seqlen) * heads * head_dim);
    this.threads.run('attention', task, equalRanges(batch * heads, this.finer(ranges, (batch * heads) / 4)));
  }

  attention_backward(args: AttentionBackwardArgs): void {
    const { rows, batch } = checkAttentionBackward(args);
    const { seqlen, heads, kv_heads, head_dim, scale, window, soft_cap } = args;
    const task = {
      ...{ query: singles(args.query), key: singles(args.key), value: singles(args.value) },
      ...{ output: singles(args.output), grad_output: singles(args.grad_output), grad_query: output(args.grad_query) },
      ...{ grad_key: output(args.grad_key).fill(0), grad_value: output(args.grad_value).fill(0) },
      slopes: args.slopes && singles(args.slopes),
      ...{ seqlen, heads, kv_heads, head_dim, scale, window, soft_cap },
    };
    const ranges = this.parts(3 * rows * seqlen * heads * head_dim);
    this.threads.run('attention_backward', task, equalRanges(batch * kv_heads, ranges));
  }

  override readonly glu_backward = (args: GluBackwardArgs): void => {
    const { elements, ...task } = gluBackwardElements(args);
    this.threads.run('glu_backward', singlesOf(task), equalRanges(elements, this.parts(32 * elements)));
  };

  override readonly cross_entropy_backward = (args: CrossEntropyBackwardArgs): void => {
    const { rows, ...task } = crossEntropyBackwardRows(args);
    this.threads.run('cross_entropy_backward', singlesOf(task), equalRanges(rows, this.parts(16 * rows * task.n)));
  };

  override readonly divergence = (args: DivergenceArgs): void => {
    const { rows, ...task } = divergenceRows(args);
    this.threads.run('divergence', singlesOf(task), equalRanges(rows, this.parts(16 * rows * task.n)));
  };

  override readonly divergence_backward = (args: DivergenceBackwardArgs): void => {
    const { rows, ...task } = divergenceBackwardRows(args);
    this.threads.run('divergence_backward', singlesOf(task), equalRanges(rows, this.parts(16 * rows * task.n)));
  };

  glu(args: GluArgs): void {
    const { elements } = checkGlu(args);
    const { activation } = args;
    const [gate, up] = [singles(args.gate), singles(args.up)];
    const task = { activation, gate, up, output: output(args.output, elements) };
    this.threads.run('activation', task, equalRanges(elements, this.parts(16 * elements)));
  }

  activation(args: ActivationArgs): void {
    const { elements } = checkActivation(args);
    const { activation } = args;
    const task = { activation, gate: singles(args.hidden_states), output: output(args.output, elements) };
    this.threads.run('activation', task, equalRanges(elements, this.parts(64 * elements)));
  }

  /** The tensor becomes f64 with its first sum: 4,096 rows in f32 would lose the directions that slicing cuts. */
  covariance(args: CovarianceArgs): void {
    const { rows, n } = checkCovariance(args);
    const target = hostTensor(args.covariance);
    if (!(target.values instanceof Float64Array)) {
      const { values } = target;
      const gram = this.arrays.doubles(n * n);
      const kernel = values.length % 2 === 0 ? this.threads.tools.vectorsFor(gram) : undefined;
      if (kernel) kernel.widen(values.byteOffset, gram.byteOffset, gram.byteLength);
      else gram.set(values);
      target.replace(gram);
      this.recycle(values);
    }
    const task = { x: singles(args.hidden_states), rows, n, gram: doubles(target) };
    this.threads.run('gram', task, triangleRanges(n, this.parts((rows * n * n) / 2)));
  }

  cross_entropy(args: CrossEntropyArgs): void {
    const { rows, n } = checkCrossEntropy(args);
    const { first_column } = args;
    const task = {
      ...{ n, first_column, logits: singles(args.logits) },
      ...{ target_ids: ids(args.target_ids), state: output(args.state) },
    };
    this.threads.run('cross_entropy', task, equalRanges(rows, this.parts(16 * rows * n)));
  }

  compare_logits(args: CompareLogitsArgs): void {
    const { rows, n } = checkCompareLogits(args);
    const { first_column } = args;
    const task = {
      ...{ n, first_column, dense: singles(args.dense), own: singles(args.own), state: output(args.state) },
      ...{ dense_state: singles(args.dense_state), own_state: singles(args.own_state) },
    };
    this.threads.run('compare_logits', task, equalRanges(rows, this.parts(64 * rows * n)));
  }

  override readonly rms_norm = (args: RmsNormArgs): void => {
    const { rows, ...task } = rmsNormRows(args);
    this.threads.run('rms_norm', singlesOf(task), equalRanges(rows, this.parts(4 * rows * task.d)));
  };

  override readonly rms_norm_backward = (args: RmsNormBackwardArgs): void => {
    const { rows, ...task } = rmsNormBackwardRows(args);
    this.threads.run('rms_norm_backward', singlesOf(task), equalRanges(rows, this.parts(8 * rows * task.d)));
  };

  override readonly rms_scale = (args: RmsScaleArgs): void => {
    const { rows, ...task } = rmsScaleRows(args);
    this.threads.run('rms_scale', singlesOf(task), equalRanges(rows, this.parts(2 * rows * task.d)));
  };

  override readonly rotary = (args: RotaryArgs): void => {
    const { rows, ...task } = rotaryRows(args);
    this.threads.run('rotary', singlesOf(task), equalRanges(rows, this.parts(4 * rows * task.row_stride)));
  };

  override readonly add = (args: AddArgs): void => {
    const { elements, ...task } = addElements(args);
    this.threads.run('add', singlesOf(task), equalRanges(elements, this.parts(2 * elements)));
  };

  override readonly adamw = (args: AdamwArgs): void => {
    const { elements, ...task } = adamwElements(args);
    this.threads.run('adamw', singlesOf(task), equalRanges(elements, this.parts(32 * elements)));
  };

  override readonly column_sums = (args: ColumnSumsArgs): void => {
    const task = columnSumsColumns(args);
    this.threads.run('column_sums', singlesOf(task), equalRanges(task.d, this.parts(8 * task.rows * task.d)));
  };

  override readonly scale_columns = (args: ScaleColumnsArgs): void => {
    const { rows, ...task } = scaleColumnsRows(args);
    this.threads.run('scale_columns', singlesOf(task), equalRanges(rows, this.parts(2 * rows * task.d)));
  };

  override readonly count_non_finite = (args: CountNonFiniteArgs): void => {
    const { elements, ...task } = countNonFiniteElements(args);
    this.threads.run('count_non_finite', singlesOf(task), equalRanges(elements, this.parts(2 * elements)));
  };

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor {
    const elements = checkDecode(bytes, dtype, shape, label);
    return this.keep(shape, label, elements * 4, () => {
      const output = this.arrays.floats(elements);
      const blocks = elements / blockOf(dtype).elements;
      const parts = this.parts(16 * elements);
      const shared = parts > 1 || isBlockType(dtype) ? this.arrays.copyOf(bytes) : bytes;
      this.threads.run('decode', { bytes: shared, dtype, output }, equalRanges(blocks, parts));
      if (shared !== bytes) this.recycle(shared);
      return output;
    });
  }

  async eigh(args: EighArgs): Promise<Eigendecomposition> {
    const { n, wanted } = checkEigh(args);
    return this.solver.one({ n, wanted, signal: args.signal }, floats(args.covariance), args.covariance.label);
  }

  readonly eigh64 = (args: Eigh64Args): Promise<Eigendecomposition> => this.solver.one(args, args.matrix);
  readonly eigh64Together: NonNullable<Backend['eigh64Together']> = (args, take) => this.solver.together(args, take);
  readonly countTogether = (n: number): number => this.solver.countTogether(n);

  override dispose(): void {
    super.dispose();
    this.arrays.clear();
    this.threads.dispose();
  }

  /** Most tensors are made for a kernel that writes all of them. */
  override empty(shape: Shape, label: string): Tensor {
    const elements = checkShape(shape, label);
    const tensor = this.keep(shape, label, elements * this.elementBytes, () => this.arrays.floats(elements));
    hostTensor(tensor).clearedAtUse((values) => this.clear(values));
    return tensor;
  }

  protected zeros(elements: number): Float32Array {
    const values = this.arrays.floats(elements);
    this.clear(values);
    return values;
  }

  private clear(values: Values): void {
    if (this.arrays instanceof HeapArrays && values instanceof Float32Array) this.threads.tools.product.zero(values);
    else values.fill(0);
  }

  protected override recycle(values: Values | Uint8Array): void {
    this.arrays.recycle(values);
  }

  protected zeroIds(length: number): Uint32Array {
    return this.arrays.words(length).fill(0);
  }

  private product(args: MatmulBtArgs, sizes: MatmulSizes, a_transposed: boolean, b_transposed: boolean): void {
    const { m, n, k } = sizes;
    const by = m >= n ? 'rows' : 'columns';
    const ranges = this.finer(this.parts(m * n * k), by === 'rows' ? m / BLOCK_M : 0);
    const task = {
      ...({ ...sizes, a_transposed, b_transposed, by } as const),
      ...{ a: singles(args.a), b: singles(args.b), ...epilogueOf(args) },
      output: output(args.output, args.accumulate ? 0 : m * n),
    };
    this.threads.run('product', task, by === 'rows' ? equalRanges(m, ranges, 4) : equalRanges(n, ranges, 8));
  }

  private finer(ranges: number, pieces: number): number {
    return finerCount(this.threads.count, ranges, pieces);
  }

  private parts(products: number): number {
    return rangeCount(this.threads.count, products);
  }
}
