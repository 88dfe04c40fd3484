/**
 * @file Work that threads share: each task can be done for a range of its rows (or heads, or columns) alone. Arguments are
 * plain data and arrays in shared memory, so that a task can be sent to another thread.
 */
import type { ActivationName } from '../backend.ts';
import { ACTIVATIONS } from '../cpu/activations.ts';
import { transposed, view } from '../linalg/gemm.ts';
import { PanelProduct, type ProductMode } from '../linalg/panel_product.ts';
import { type AttentionTask, attentionHeads } from './attention.ts';
import { type Epilogue, EpilogueKernel } from './epilogue.ts';
import { VectorMath } from './vector_math.ts';

export interface ProductTask {
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
  epilogue?: Epilogue;
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

export interface CrossEntropyTask {
  n: number;
  first_column: number;
  logits: Float32Array;
  target_ids: Uint32Array;
  state: Float32Array;
}

export interface Tasks {
  product: ProductTask;
  gram: GramTask;
  attention: AttentionTask;
  activation: ActivationTask;
  cross_entropy: CrossEntropyTask;
}
export type TaskName = keyof Tasks;

/** What one thread computes with; its scratch memory is its own. */
class Tools {
  readonly product = new PanelProduct('f32');
  readonly math = new VectorMath();
  readonly epilogue = new EpilogueKernel(this.product.memory);
  private lazy?: PanelProduct;

  get product64(): PanelProduct {
    this.lazy ??= new PanelProduct('f64', false);
    return this.lazy;
  }
}

let tools: Tools | undefined;

const HANDLERS: { [K in TaskName]: (tools: Tools, task: Tasks[K], start: number, end: number) => void } = {
  product({ product, epilogue }, task, start, end) {
    const { m, n, k, a_stride, b_stride, output } = task;
    const [row, column] = task.by === 'rows' ? [start, 0] : [0, start];
    const steps = task.epilogue;
    const mode: ProductMode = steps ? { finish: (block) => epilogue.apply(steps, block, output, n, row, column) } : {};
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

  /** Rows `start … end` of the triangle: they begin at the diagonal. */
  gram({ product64 }, { x, rows, n, gram }, start, end) {
    const left = { ...transposed(view(x, n)), offset: start };
    const right = view(x, n, start);
    const mode = { adds: true, upper: true };
    product64.multiply(end - start, n - start, rows, left, right, view(gram, n, start * n + start), mode);
  },

  attention: ({ product, math }, task, start, end) => attentionHeads(product, math, task, start, end),

  activation({ math }, { activation, gate, up, output }, start, end) {
    if (activation === 'silu' && up) {
      math.gatedSilu(gate, up, output, start, end);
      return;
    }
    const act = ACTIVATIONS[activation];
    if (up) for (let i = start; i < end; i++) output[i] = act(gate[i]) * up[i];
    else for (let i = start; i < end; i++) output[i] = act(gate[i]);
  },

  /** As the f64 twin has it: the running maximum, the sum of exponentials, the target's logit. */
  cross_entropy({ math }, { n, first_column, logits, target_ids, state }, start, end) {
    for (let row = start; row < end; row++) {
      const from = row * n;
      let maximum = logits[from];
      for (let j = 1; j < n; j++) maximum = Math.max(maximum, logits[from + j]);
      let sum = 0;
      if (first_column === 0) {
        state[row * 4 + 2] = 0;
      } else {
        maximum = Math.max(state[row * 4], maximum);
        sum = state[row * 4 + 1] * Math.exp(state[row * 4] - maximum);
      }
      sum += math.expSum(logits, from, from + n, maximum, false);
      state[row * 4] = maximum;
      state[row * 4 + 1] = sum;
      const target = target_ids[row] - first_column;
      if (target >= 0 && target < n) state[row * 4 + 2] = logits[from + target];
    }
  },
};

/** Does one range of a task on this thread. */
export function runTask<K extends TaskName>(name: K, task: Tasks[K], start: number, end: number): void {
  tools ??= new Tools();
  HANDLERS[name](tools, task, start, end);
}
