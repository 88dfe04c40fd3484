/**
 * @file Work that threads share: each task can be done for a range of its rows (or heads, or columns) alone. Arguments are
 * plain data and arrays in shared memory, so that a task can be sent to another thread.
 */
import { decodeStored } from '../../tensor/decode.ts';
import { blockOf, type DType } from '../../tensor/dtype.ts';
import type { ActivationName } from '../backend.ts';
import { ACTIVATIONS } from '../cpu/activations.ts';
import { type AdamwElements, adamwRange } from '../cpu/adamw.ts';
import { type AddElements, addRange } from '../cpu/add.ts';
import { type ColumnSumsColumns, columnSumsRange } from '../cpu/column_sums.ts';
import type { CompareLogitsRows } from '../cpu/compare_logits.ts';
import { type CountNonFiniteElements, countRange } from '../cpu/count_non_finite.ts';
import type { CrossEntropyBackwardRows } from '../cpu/cross_entropy_backward.ts';
import type { DivergenceRows } from '../cpu/divergence.ts';
import type { DivergenceBackwardRows } from '../cpu/divergence_backward.ts';
import { type GluBackwardElements, gluBackwardRange } from '../cpu/glu_backward.ts';
import { normaliseRows, type RmsNormRows } from '../cpu/rms_norm.ts';
import type { RmsNormBackwardRows } from '../cpu/rms_norm_backward.ts';
import type { RmsScaleRows } from '../cpu/rms_scale.ts';
import { type RotaryRows, turnRows } from '../cpu/rotary.ts';
import { type ScaleColumnsRows, scaleRows } from '../cpu/scale_columns.ts';
import { type AddProduct, transposed, view } from '../linalg/gemm.ts';
import { LINALG_TASKS } from '../linalg/linalg_tasks.ts';
import { PanelProduct, type ProductMode, sharedScratchBytes, type WasmPlace } from '../linalg/panel_product.ts';
import type { LinalgTasks } from '../linalg/shared_work.ts';
import { hasFusedMultiplyAdd, type TileWidth } from '../linalg/tile_kernel.ts';
import { createVectorKernel, type VectorKernel } from '../linalg/vector_kernel.ts';
import { type AttentionTask, attentionHeads } from './attention.ts';
import { type AttentionBackwardTask, attentionBackwardHeads } from './attention_backward.ts';
import { type BlockKernel, createBlockKernel, isBlockType } from './block_kernel.ts';
import { type Epilogue, EpilogueKernel, needsEpilogue } from './epilogue.ts';
import { createHalfKernel, type HalfKernel } from './half_kernel.ts';
import {
  decodeHalves,
  type EncodeHalvesTask,
  encodeHalves,
  type RoundHalvesTask,
  roundToHalves,
} from './half_tensors.ts';
import { createLineKernel, type LineKernel } from './line_kernel.ts';
import { isLineProduct, lineProduct } from './line_product.ts';
import { LogitMath } from './logit_math.ts';
import {
  type CrossEntropyTask,
  comparedLogits,
  crossEntropyGradients,
  crossEntropySums,
  divergenceGradients,
  divergenceSums,
  type Singles,
} from './losses.ts';
import { createPackedKernel, type PackedKernel } from './packed_kernel.ts';
import type { PackedForm } from './packed_layout.ts';
import { type PackedProductTask, packedProduct } from './packed_product.ts';
import { RowMath } from './row_math.ts';
import { createSparseKernel, type SparseKernel } from './sparse_kernel.ts';
import type { SparseLayout } from './sparse_layout.ts';
import { type SparseProductTask, sparseProduct } from './sparse_product.ts';
import { STAGING_BYTES, Staging } from './staging.ts';
import { VectorMath } from './vector_math.ts';

export interface ProductTask extends Epilogue {
  m: number;
  n: number;
  k: number;
  a: Float32Array;
  a_stride: number;
  a_transposed: boolean;
  b: Float32Array;
  b_stride: number;
  b_transposed: boolean;
  /** (m, n). */
  output: Float32Array;
  /** What a range counts. */
  by: 'rows' | 'columns';
}

export interface GramTask {
  /** (rows, n). */
  x: Float32Array;
  rows: number;
  n: number;
  /** (n, n): its upper triangle gets XᵀX added, in f64. */
  gram: Float64Array;
}

export interface ActivationTask {
  activation: ActivationName;
  gate: Float32Array;
  up?: Float32Array;
  output: Float32Array;
}

/** Stored bytes to f32. A range counts blocks, which a float type has of one element each. */
export interface DecodeTask {
  bytes: Uint8Array;
  dtype: DType;
  output: Float32Array;
}

/** C += A·B in f64. */
export interface Product64Task {
  m: number;
  n: number;
  k: number;
  a: Float64Array;
  /** One of each pair is 1. */
  a_row_stride: number;
  a_column_stride: number;
  b: Float64Array;
  b_row_stride: number;
  b_column_stride: number;
  /** (m, n), its rows `output_row_stride` apart. */
  output: Float64Array;
  output_row_stride: number;
  /** Only elements with column ≥ row are wanted. */
  upper: boolean;
  /** What a range counts; rows of a triangle. */
  by: 'rows' | 'columns';
}

export interface Tasks extends LinalgTasks {
  product: ProductTask;
  product64: Product64Task;
  packed_product: PackedProductTask;
  sparse_product: SparseProductTask;
  gram: GramTask;
  attention: AttentionTask;
  attention_backward: AttentionBackwardTask;
  glu_backward: Singles<GluBackwardElements>;
  cross_entropy_backward: Singles<CrossEntropyBackwardRows>;
  divergence: Singles<DivergenceRows>;
  divergence_backward: Singles<DivergenceBackwardRows>;
  activation: ActivationTask;
  cross_entropy: CrossEntropyTask;
  compare_logits: Singles<CompareLogitsRows>;
  decode: DecodeTask;
  encode_halves: EncodeHalvesTask;
  round_halves: RoundHalvesTask;
  rms_norm: Singles<RmsNormRows>;
  rms_norm_backward: Singles<RmsNormBackwardRows>;
  rms_scale: Singles<RmsScaleRows>;
  rotary: RotaryRows;
  add: AddElements;
  adamw: AdamwElements;
  column_sums: ColumnSumsColumns;
  scale_columns: ScaleColumnsRows;
  count_non_finite: CountNonFiniteElements;
}
export type TaskName = keyof Tasks;

/** A shared memory, and the address of one thread's scratch in it. */
export type ToolPlace = WasmPlace & { scratch: number };

/** Elements of the attention scores that lie in scratch memory; longer sequences have an array of their own. */
const SCORES = 2 ** 19;

/** Scratch of one thread: scores, products in f32 and f64, stretches of vectors. */
const PRODUCT64_AT = 4 * SCORES + sharedScratchBytes('f32');
const STAGING_AT = PRODUCT64_AT + sharedScratchBytes('f64');
export const SCRATCH_BYTES = STAGING_AT + STAGING_BYTES;

/** What one thread computes with; its scratch memory is its own. Made as it is needed. */
export class TaskTools {
  private readonly parts: {
    product?: PanelProduct;
    product64?: PanelProduct;
    staging?: Staging;
    math?: VectorMath;
    rows?: RowMath;
    logits?: LogitMath;
    epilogue?: EpilogueKernel;
    line?: LineKernel;
    halves?: HalfKernel;
    blocks?: BlockKernel;
    vectors?: VectorKernel;
  } = {};
  private readonly packedKernels = new Map<string, PackedKernel>();
  private readonly sparseKernels = new Map<string, SparseKernel>();
  private kept = new Float32Array(0);

  /**
   * @param place None where tensors are arrays of their own.
   * @param tiles Of products in f32; by default those that are found to be the faster ones.
   */
  constructor(
    private readonly place?: ToolPlace,
    private readonly tiles?: TileWidth,
  ) {
    if (place) this.kept = new Float32Array(place.memory.buffer, place.scratch, SCORES);
  }

  get product(): PanelProduct {
    const { place, parts } = this;
    parts.product ??= new PanelProduct('f32', undefined, place && at(place, 4 * SCORES), this.tiles);
    return parts.product;
  }

  /** Fused, too, where the engine can: only the reference has to give the same bits everywhere. */
  get product64(): PanelProduct {
    const { place, parts } = this;
    parts.product64 ??= new PanelProduct('f64', undefined, place && at(place, PRODUCT64_AT));
    return parts.product64;
  }

  /** What the f64 solvers multiply with. */
  readonly addProduct: AddProduct = Object.assign<AddProduct, Pick<AddProduct, 'kernelFor'>>(
    (m, n, k, a, b, c, upper) => this.product64.multiply(m, n, k, a, b, c, { adds: true, upper }),
    { kernelFor: (values) => this.vectorsFor(values) },
  );

  /** The loops of the tridiagonal reduction, for an array that lies in the shared memory. */
  vectorsFor({ buffer }: Float64Array): VectorKernel | undefined {
    const { place, parts } = this;
    if (!place?.holds(buffer)) return undefined;
    parts.vectors ??= createVectorKernel(place.memory, hasFusedMultiplyAdd('f64'));
    return parts.vectors;
  }

  get epilogue(): EpilogueKernel {
    this.parts.epilogue ??= new EpilogueKernel(this.product.memory, (values) => this.holds(values));
    return this.parts.epilogue;
  }

  /** Only where tensors lie in shared memory. */
  get line(): LineKernel {
    this.parts.line ??= createLineKernel(this.product.memory);
    return this.parts.line;
  }

  /** Only where tensors lie in shared memory. */
  get halves(): HalfKernel {
    this.parts.halves ??= createHalfKernel(this.product.memory);
    return this.parts.halves;
  }

  /** Only where tensors lie in shared memory. */
  get blocks(): BlockKernel {
    this.parts.blocks ??= createBlockKernel(this.product.memory);
    return this.parts.blocks;
  }

  /** Whether kernels reach the array by its address. */
  holds({ buffer }: Float32Array | Uint8Array): boolean {
    return this.place?.holds(buffer) ?? false;
  }

  /** The loops for a form of packing; only where tensors lie in shared memory. */
  packed({ bits, scale, zero }: PackedForm): PackedKernel {
    const key = `${bits} ${scale} ${zero}`;
    const found = this.packedKernels.get(key) ?? createPackedKernel({ bits, scale, zero }, this.product.memory);
    this.packedKernels.set(key, found);
    return found;
  }

  /** The loops for values of a type; only where tensors lie in shared memory. */
  sparse(floats: SparseLayout['floats']): SparseKernel {
    const found = this.sparseKernels.get(floats) ?? createSparseKernel(floats, this.product.memory);
    this.sparseKernels.set(floats, found);
    return found;
  }

  /** Scratch in the shared memory, until the next call of it or of `scores`. */
  get panel(): Float32Array {
    return this.scores(SCORES);
  }

  get math(): VectorMath {
    this.parts.math ??= new VectorMath(this.staging);
    return this.parts.math;
  }

  get rows(): RowMath {
    this.parts.rows ??= new RowMath(this.staging);
    return this.parts.rows;
  }

  private get staging(): Staging {
    const { place, parts } = this;
    parts.staging ??= new Staging(place && at(place, STAGING_AT));
    return parts.staging;
  }

  get logits(): LogitMath {
    this.parts.logits ??= new LogitMath();
    return this.parts.logits;
  }

  /** Room for so many numbers, until the next call. */
  scores(elements: number): Float32Array {
    if (this.kept.length < elements) this.kept = new Float32Array(elements);
    return this.kept;
  }
}

function at(place: ToolPlace, offset: number): ToolPlace {
  return { memory: place.memory, scratch: place.scratch + offset, holds: (buffer) => place.holds(buffer) };
}

const HANDLERS: { [K in TaskName]: (tools: TaskTools, task: Tasks[K], start: number, end: number) => void } = {
  product(tools, task, start, end) {
    if (isLineProduct(tools, task)) {
      lineProduct(tools, task, start, end);
      return;
    }
    const { product } = tools;
    const { m, n, k, a_stride, b_stride, output } = task;
    const [row, column] = task.by === 'rows' ? [start, 0] : [0, start];
    // The output is added last, once: a product that started from a large residual would round to its digits at every step.
    const mode: ProductMode = needsEpilogue(task)
      ? {
          finish: (block) => tools.epilogue.apply(task, block, output, n, row, column),
          finish_reads: Boolean(task.accumulate),
        }
      : {};
    const a = task.a_transposed ? transposed(view(task.a, a_stride)) : view(task.a, a_stride);
    const b = task.b_transposed ? transposed(view(task.b, b_stride)) : view(task.b, b_stride);
    if (task.by === 'rows') {
      const part = { ...a, offset: start * a.row_stride };
      product.multiply(end - start, n, k, part, b, view(output, n, start * n), mode);
    } else {
      const part = { ...b, offset: start * b.column_stride };
      product.multiply(m, end - start, k, a, part, view(output, n, start), mode);
    }
  },

  /** Rows or columns `start … end` of C. */
  product64({ product64 }, task, start, end) {
    const { m, n, k, upper, output_row_stride } = task;
    if (task.by === 'columns') {
      const a = { values: task.a, offset: 0, row_stride: task.a_row_stride, column_stride: task.a_column_stride };
      const b = { values: task.b, row_stride: task.b_row_stride, column_stride: task.b_column_stride };
      const part = { ...b, offset: start * task.b_column_stride };
      const target = view(task.output, output_row_stride, start);
      product64.multiply(m, end - start, k, a, part, target, { adds: true });
      return;
    }
    const a = { values: task.a, offset: start * task.a_row_stride, row_stride: task.a_row_stride };
    const b = { values: task.b, offset: 0, row_stride: task.b_row_stride, column_stride: task.b_column_stride };
    // Of the rows of a triangle, columns from the first row on are wanted.
    const first = upper ? Math.min(start, n - 1) : 0;
    const right = { ...b, offset: first * task.b_column_stride };
    const target = view(task.output, output_row_stride, start * output_row_stride + first);
    const mode = { adds: true, upper };
    const rows = Math.min(end, m) - start;
    product64.multiply(rows, n - first, k, { ...a, column_stride: task.a_column_stride }, right, target, mode);
  },

  /** Rows `start … end` of the triangle: they begin at the diagonal. */
  gram({ product64 }, { x, rows, n, gram }, start, end) {
    const left = { ...transposed(view(x, n)), offset: start };
    const right = view(x, n, start);
    const mode = { adds: true, upper: true };
    product64.multiply(end - start, n - start, rows, left, right, view(gram, n, start * n + start), mode);
  },

  symmetric_product: ({ addProduct }, task, start, end) => LINALG_TASKS.symmetric_product(task, start, end, addProduct),
  panel_update: ({ addProduct }, task, start, end) => LINALG_TASKS.panel_update(task, start, end, addProduct),
  tridiagonal_parts: ({ addProduct }, task, start, end) => LINALG_TASKS.tridiagonal_parts(task, start, end, addProduct),
  reflector_factors: ({ addProduct }, task, start, end) => LINALG_TASKS.reflector_factors(task, start, end, addProduct),
  reflect_rows: ({ addProduct }, task, start, end) => LINALG_TASKS.reflect_rows(task, start, end, addProduct),

  packed_product: (tools, task, start, end) => packedProduct(tools, task, start, end),
  sparse_product: (tools, task, start, end) => sparseProduct(tools, task, start, end),
  attention: (tools, task, start, end) => attentionHeads(tools, task, start, end),
  attention_backward: (tools, task, start, end) => attentionBackwardHeads(tools, task, start, end),
  glu_backward({ math }, task, start, end) {
    if (task.activation === 'silu') math.gatedSiluBackward(task, start, end);
    else gluBackwardRange(task, start, end);
  },
  cross_entropy_backward: (tools, task, start, end) => crossEntropyGradients(tools, task, start, end),
  divergence: (tools, task, start, end) => divergenceSums(tools, task, start, end),
  divergence_backward: (tools, task, start, end) => divergenceGradients(tools, task, start, end),

  activation({ math }, { activation, gate, up, output }, start, end) {
    if (activation === 'silu' && up) {
      math.gatedSilu(gate, up, output, start, end);
      return;
    }
    const act = ACTIVATIONS[activation];
    if (up) for (let i = start; i < end; i++) output[i] = act(gate[i]) * up[i];
    else for (let i = start; i < end; i++) output[i] = act(gate[i]);
  },

  cross_entropy: (tools, task, start, end) => crossEntropySums(tools, task, start, end),
  compare_logits: (tools, task, start, end) => comparedLogits(tools, task, start, end),

  decode(tools, { bytes, dtype, output }, start, end) {
    if (dtype === 'F16') {
      decodeHalves(tools, bytes, output, start, end);
      return;
    }
    const block = blockOf(dtype);
    if (isBlockType(dtype) && tools.holds(bytes) && tools.holds(output) && end > start) {
      const from = bytes.byteOffset;
      const to = output.byteOffset + 4 * start * block.elements;
      tools.blocks[dtype](from + start * block.bytes, from + end * block.bytes, to);
      return;
    }
    const target = output.subarray(start * block.elements, end * block.elements);
    decodeStored(bytes.subarray(start * block.bytes, end * block.bytes), dtype, target);
  },

  encode_halves: (tools, task, start, end) => encodeHalves(tools, task, start, end),
  round_halves: (tools, task, start, end) => roundToHalves(tools, task, start, end),

  rms_norm({ rows }, task, start, end) {
    const { hidden_states, weight, bias, output, d } = task;
    if (bias) normaliseRows(task, start, end);
    else
      for (let row = start; row < end; row++)
        rows.scaledRow(hidden_states, weight, output, row, d, rows.rmsScale(task, row));
  },
  rms_norm_backward({ rows }, task, start, end) {
    for (let row = start; row < end; row++) rows.rmsNormBackward(task, row);
  },
  rms_scale({ rows }, task, start, end) {
    for (let row = start; row < end; row++) task.output[row] = rows.rmsScale(task, row);
  },
  rotary: (_, task, start, end) => turnRows(task, start, end),
  add: (_, task, start, end) => addRange(task, start, end),
  adamw: (_, task, start, end) => adamwRange(task, start, end),
  column_sums: (_, task, start, end) => columnSumsRange(task, start, end),
  scale_columns: (_, task, start, end) => scaleRows(task, start, end),
  count_non_finite: (_, task, start, end) => countRange(task, start, end),
};

/** Does one range of a task on this thread. */
export function runTask<K extends TaskName>(
  tools: TaskTools,
  name: K,
  task: Tasks[K],
  start: number,
  end: number,
): void {
  HANDLERS[name](tools, task, start, end);
}
