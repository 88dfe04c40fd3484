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
import type { RotaryRows } from '../cpu/rotary.ts';
import type { ScaleColumnsRows } from '../cpu/scale_columns.ts';
import { transposed, view } from '../linalg/gemm.ts';
import { LINALG_TASKS } from '../linalg/linalg_tasks.ts';
import type { ProductMode } from '../linalg/panel_product.ts';
import type { LinalgTasks } from '../linalg/shared_work.ts';
import { clearUpperHalves } from '../linalg/upper_halves.ts';
import { type AttentionTask, attentionHeads } from './attention.ts';
import { type AttentionBackwardTask, attentionBackwardHeads } from './attention_backward.ts';
import { isBlockType } from './block_kernel.ts';
import { type BlockQuadsTask, writeBlockQuads } from './block_quads.ts';
import { type ByteInputsTask, byteInputs } from './byte_product.ts';
import { type Epilogue, needsEpilogue } from './epilogue.ts';
import {
  decodeHalves,
  type EncodeHalvesTask,
  encodeHalves,
  type RoundHalvesTask,
  roundToHalves,
} from './half_tensors.ts';
import { isLineProduct, lineProduct } from './line_product.ts';
import {
  type CrossEntropyTask,
  comparedLogits,
  crossEntropyGradients,
  crossEntropySums,
  divergenceGradients,
  divergenceSums,
  type Singles,
} from './losses.ts';
import { packedProduct } from './packed_product.ts';
import type { PackedProductTask } from './packed_task.ts';
import { type SparseProductTask, sparseProduct } from './sparse_product.ts';
import type { TaskTools } from './task_tools.ts';

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
  block_quads: BlockQuadsTask;
  byte_inputs: ByteInputsTask;
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
  scale_columns: Singles<ScaleColumnsRows>;
  count_non_finite: CountNonFiniteElements;
}
export type TaskName = keyof Tasks;

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

  eigenpairs: ({ addProduct }, task, start, end) => LINALG_TASKS.eigenpairs(task, start, end, addProduct),
  symmetric_product: ({ addProduct }, task, start, end) => LINALG_TASKS.symmetric_product(task, start, end, addProduct),
  panel_update: ({ addProduct }, task, start, end) => LINALG_TASKS.panel_update(task, start, end, addProduct),
  tridiagonal_parts: ({ addProduct }, task, start, end) => LINALG_TASKS.tridiagonal_parts(task, start, end, addProduct),
  reflector_factors: ({ addProduct }, task, start, end) => LINALG_TASKS.reflector_factors(task, start, end, addProduct),
  reflect_rows: ({ addProduct }, task, start, end) => LINALG_TASKS.reflect_rows(task, start, end, addProduct),
  write_vectors: ({ addProduct }, task, start, end) => LINALG_TASKS.write_vectors(task, start, end, addProduct),
  decomposition_figures: ({ addProduct }, task, start, end) =>
    LINALG_TASKS.decomposition_figures(task, start, end, addProduct),
  secular_roots: ({ addProduct }, task, start, end) => LINALG_TASKS.secular_roots(task, start, end, addProduct),
  secular_vectors: ({ addProduct }, task, start, end) => LINALG_TASKS.secular_vectors(task, start, end, addProduct),
  cholesky_panel: ({ addProduct }, task, start, end) => LINALG_TASKS.cholesky_panel(task, start, end, addProduct),
  finish_rows: ({ addProduct }, task, start, end) => LINALG_TASKS.finish_rows(task, start, end, addProduct),
  solve_columns: ({ addProduct }, task, start, end) => LINALG_TASKS.solve_columns(task, start, end, addProduct),
  inverse_parts: ({ addProduct }, task, start, end) => LINALG_TASKS.inverse_parts(task, start, end, addProduct),
  inverse_join: ({ addProduct }, task, start, end) => LINALG_TASKS.inverse_join(task, start, end, addProduct),

  block_quads: ({ quads }, task, start, end) => writeBlockQuads(quads, task, start, end),
  byte_inputs: (tools, task, start, end) => byteInputs(tools, task, start, end),
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
  rotary: ({ rows }, task, start, end) => rows.turn(task, start, end),
  add: (_, task, start, end) => addRange(task, start, end),
  adamw: (_, task, start, end) => adamwRange(task, start, end),
  column_sums: (_, task, start, end) => columnSumsRange(task, start, end),
  scale_columns({ rows }, { weight, scale, output, d }, start, end) {
    for (let row = start; row < end; row++) rows.scaledRow(weight, scale, output, row, d, 1);
  },
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
  clearUpperHalves();
}
