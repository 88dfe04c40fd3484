/**
 * @file A task as numbers in shared memory, and back: what threads are given. Arrays go as address and length; absent
 * fields as NaN.
 */
import { DTYPES } from '../../tensor/dtype.ts';
import { KEPT_BLOCKS } from './block_quads.ts';
import type { TaskName, Tasks } from './tasks.ts';

export type { TaskName };

type Kind = 'f32' | 'f64' | 'u32' | 'u8' | 'number' | readonly string[];
type Schema<T> = { readonly [K in keyof Required<T>]: Kind };

const DIVERGENCES = ['forward_kl', 'reverse_kl', 'jsd'] as const;
const ACTIVATION_NAMES = ['silu', 'relu', 'gelu', 'gelu_tanh', 'relu2'] as const;

const SECULAR: Schema<Tasks['secular_roots']> = {
  ...{ d: 'f64', z: 'f64', k: 'number', rho: 'number' },
  ...{ eigenvalues: 'f64', differences: 'f64', fitted: 'f64' },
};

/** Fields of each task, in the order in which they are written. */
const SCHEMAS: { readonly [K in TaskName]: Schema<Tasks[K]> } = {
  product: {
    ...{ m: 'number', n: 'number', k: 'number' },
    ...{ a: 'f32', a_stride: 'number', a_transposed: 'number' },
    ...{ b: 'f32', b_stride: 'number', b_transposed: 'number' },
    ...{ output: 'f32', by: ['rows', 'columns'] },
    ...{ row_scale: 'f32', gate: 'f32', activation: ACTIVATION_NAMES, accumulate: 'number' },
  },
  product64: {
    ...{ m: 'number', n: 'number', k: 'number' },
    ...{ a: 'f64', a_row_stride: 'number', a_column_stride: 'number' },
    ...{ b: 'f64', b_row_stride: 'number', b_column_stride: 'number' },
    ...{ output: 'f64', output_row_stride: 'number', upper: 'number', by: ['rows', 'columns'] },
  },
  eigenpairs: {
    ...{ places: 'f64', n: 'number', wanted: 'number' },
    ...{ eigenvalues: 'f64', eigenvectors: 'f32', failed: 'f64' },
  },
  symmetric_product: {
    ...{ matrix: 'f64', stride: 'number', size: 'number', rows: 'number', v: 'f64' },
    ...{ products: 'f64', length: 'number', parts: 'number' },
  },
  panel_update: {
    ...{ matrix: 'f64', stride: 'number', size: 'number' },
    ...{ left: 'f64', right: 'f64', length: 'number', count: 'number' },
  },
  tridiagonal_parts: {
    ...{ n: 'number', depth: 'number', values: 'f64', order: 'f64', off: 'f64' },
    ...{ vectors: 'f64', gathered: 'f64', shares: 'f64', secular: 'f64' },
  },
  reflector_factors: { reflectors: 'f64', scales: 'f64', n: 'number', factors: 'f64' },
  reflect_rows: {
    ...{ z: 'f64', n: 'number', reflectors: 'f64', factors: 'f64', scratch: 'f64' },
    ...{ first_block: 'number', last_block: 'number' },
  },
  write_vectors: { z: 'f64', count: 'number', n: 'number', doubles: 'f64', singles: 'f32', scratch: 'f64' },
  decomposition_figures: {
    ...{ covariance: 'f64', eigenvalues: 'f64', eigenvectors: 'f64' },
    ...{ n: 'number', dimension: 'number', leading: 'number', figures: 'f64' },
  },
  secular_roots: SECULAR,
  secular_vectors: { ...SECULAR, columns: 'f64' },
  cholesky_panel: {
    ...{ U: 'f64', n: 'number', inverses: 'f64', block: 'number', start: 'number', end: 'number' },
    ...{ diagonal: 'f64', failure: 'f64', scratch: 'f64' },
  },
  finish_rows: {
    ...{ U: 'f64', n: 'number', inverses: 'f64', block: 'number', start: 'number', end: 'number', scratch: 'f64' },
  },
  solve_columns: {
    ...{ U: 'f64', n: 'number', inverses: 'f64', block: 'number', x: 'f64', columns: 'number', scratch: 'f64' },
    ...{ first_panel: 'number', last_panel: 'number', down: 'number' },
  },
  inverse_parts: { U: 'f64', n: 'number', depth: 'number', scratch: 'f64' },
  inverse_join: {
    ...{ U: 'f64', n: 'number', scratch: 'f64', start: 'number', middle: 'number', end: 'number', stage: 'number' },
  },
  block_quads: {
    ...{ dtype: KEPT_BLOCKS, bytes: 'u8', blocks: 'number', packed: 'u8', zeros_at: 'number', scales_at: 'number' },
  },
  byte_inputs: { x: 'f32', m: 'number', k: 'number', panels: 'u8' },
  packed_product: {
    ...{ m: 'number', n: 'number', k: 'number', a: 'f32', packed: 'u8' },
    ...{ zeros_at: 'number', scales_at: 'number', blocks: 'number', group: 'number', groups: 'number' },
    ...{ bits: 'number', scale: ['F16', 'F32'], zero: ['symmetric', 'integer', 'minimum', 'minimum32'] },
    ...{ inputs: 'u8', input_scales: 'f32', input_sums: 'f32', output: 'f32' },
    ...{ panels: 'u8', by: ['rows', 'columns'] },
    ...{ row_scale: 'f32', gate: 'f32', activation: ACTIVATION_NAMES, accumulate: 'number' },
  },
  sparse_product: {
    ...{ m: 'number', n: 'number', k: 'number', a: 'f32', packed: 'u8' },
    ...{ places_at: 'number', floats: ['F16', 'F32'], table: 'u32', output: 'f32' },
    ...{ row_scale: 'f32', gate: 'f32', activation: ACTIVATION_NAMES, accumulate: 'number' },
  },
  gram: { x: 'f32', rows: 'number', n: 'number', gram: 'f64' },
  attention: {
    ...{ query: 'f32', key: 'f32', value: 'f32', output: 'f32', slopes: 'f32' },
    ...{ seqlen: 'number', heads: 'number', kv_heads: 'number', head_dim: 'number' },
    ...{ scale: 'number', window: 'number', soft_cap: 'number', past: 'number' },
  },
  attention_backward: {
    ...{ query: 'f32', key: 'f32', value: 'f32', output: 'f32', slopes: 'f32' },
    ...{ grad_output: 'f32', grad_query: 'f32', grad_key: 'f32', grad_value: 'f32' },
    ...{ seqlen: 'number', heads: 'number', kv_heads: 'number', head_dim: 'number' },
    ...{ scale: 'number', window: 'number', soft_cap: 'number', past: 'number' },
  },
  glu_backward: {
    ...{ activation: ACTIVATION_NAMES, gate: 'f32', up: 'f32', grad_output: 'f32', grad_gate: 'f32', grad_up: 'f32' },
  },
  cross_entropy_backward: {
    ...{ n: 'number', first_column: 'number', factor: 'number', soft_cap: 'number' },
    ...{ logits: 'f32', state: 'f32', weights: 'f32', target_ids: 'u32' },
  },
  divergence: {
    ...{ kind: DIVERGENCES, beta: 'number', n: 'number', teacher: 'f32', student: 'f32' },
    ...{ teacher_state: 'f32', student_state: 'f32', sums: 'f32' },
  },
  divergence_backward: {
    ...{ kind: DIVERGENCES, beta: 'number', n: 'number', teacher: 'f32', student: 'f32' },
    ...{ teacher_state: 'f32', student_state: 'f32', sums: 'f32' },
    ...{ weights: 'f32', factor: 'number', soft_cap: 'number' },
  },
  activation: { activation: ACTIVATION_NAMES, gate: 'f32', up: 'f32', output: 'f32' },
  cross_entropy: { n: 'number', first_column: 'number', logits: 'f32', target_ids: 'u32', state: 'f32' },
  compare_logits: {
    ...{ n: 'number', first_column: 'number', dense: 'f32', own: 'f32' },
    ...{ dense_state: 'f32', own_state: 'f32', state: 'f32' },
  },
  decode: { bytes: 'u8', dtype: DTYPES, output: 'f32' },
  encode_halves: { values: 'f32', bytes: 'u8', beyond: 'u32' },
  round_halves: { values: 'f32' },
  rms_norm: {
    ...{ hidden_states: 'f32', weight: 'f32', bias: 'f32', output: 'f32' },
    ...{ d: 'number', normalized_size: 'number', eps: 'number' },
  },
  rms_norm_backward: {
    ...{ hidden_states: 'f32', weight: 'f32', grad_output: 'f32', grad_input: 'f32' },
    ...{ d: 'number', normalized_size: 'number', eps: 'number', accumulate: 'number' },
  },
  rms_scale: { hidden_states: 'f32', output: 'f32', d: 'number', normalized_size: 'number', eps: 'number' },
  rotary: {
    ...{ states: 'f32', cos: 'f32', sin: 'f32', seqlen: 'number', heads: 'number', head_dim: 'number' },
    ...{ row_stride: 'number', half: 'number', step: 'number', apart: 'number' },
  },
  add: { a: 'f32', b: 'f32', output: 'f32' },
  adamw: {
    ...{ parameter: 'f32', gradient: 'f32', first_moment: 'f32', second_moment: 'f32', lr: 'number' },
    ...{ beta1: 'number', beta2: 'number', eps: 'number', weight_decay: 'number' },
    ...{ step: 'number', gradient_scale: 'number' },
  },
  column_sums: { a: 'f32', b: 'f32', output: 'f32', rows: 'number', d: 'number' },
  scale_columns: { weight: 'f32', scale: 'f32', output: 'f32', d: 'number' },
  count_non_finite: { values: 'f32', counts: 'u32', index: 'number' },
};
export const TASK_NAMES = Object.keys(SCHEMAS) as TaskName[];

/** Words of the longest task. */
export const TASK_WORDS = 36;

const ARRAYS = { f32: Float32Array, f64: Float64Array, u32: Uint32Array, u8: Uint8Array };
type AnyArray = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

const isArrayKind = (kind: Kind): kind is keyof typeof ARRAYS => typeof kind === 'string' && kind in ARRAYS;

/**
 * Writes a task.
 * @param holds Whether an array of this buffer lies in the memory that all threads have.
 * @returns False where an array does not: then only this thread can do the task.
 */
export function writeTask<K extends TaskName>(
  words: Float64Array,
  name: K,
  task: Tasks[K],
  holds: (buffer: ArrayBufferLike) => boolean,
): boolean {
  const values = task as unknown as Record<string, AnyArray | number | boolean | string | undefined>;
  let at = 0;
  words[at++] = TASK_NAMES.indexOf(name);
  for (const [field, kind] of Object.entries(SCHEMAS[name]) as [string, Kind][]) {
    const value = values[field];
    if (isArrayKind(kind)) {
      const array = value as AnyArray | undefined;
      if (array && !holds(array.buffer)) return false;
      words[at++] = array ? array.byteOffset : Number.NaN;
      words[at++] = array ? array.length : 0;
    } else if (value === undefined) words[at++] = Number.NaN;
    else words[at++] = typeof kind === 'string' ? Number(value) : kind.indexOf(value as string);
  }
  return true;
}

/** The task that was written, with arrays over `buffer`. */
export function readTask(words: Float64Array, buffer: ArrayBufferLike): { name: TaskName; task: Tasks[TaskName] } {
  let at = 0;
  const name = TASK_NAMES[words[at++]];
  const task: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(SCHEMAS[name]) as [string, Kind][]) {
    const word = words[at++];
    if (isArrayKind(kind)) {
      const length = words[at++];
      if (!Number.isNaN(word)) task[field] = new ARRAYS[kind](buffer as ArrayBuffer, word, length);
    } else if (!Number.isNaN(word)) task[field] = typeof kind === 'string' ? word : kind[word];
  }
  return { name, task: task as unknown as Tasks[TaskName] };
}
