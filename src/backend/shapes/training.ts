/** @file Checks of the kernels of the reverse pass. */
import { elementCount } from '../../tensor/shape.ts';
import type { Tensor } from '../backend.ts';
import type {
  ActivationBackwardArgs,
  AdamwArgs,
  AttentionBackwardArgs,
  ClipBackwardArgs,
  ColumnSumsArgs,
  CrossEntropyBackwardArgs,
  DivergenceArgs,
  DivergenceBackwardArgs,
  GluBackwardArgs,
  LayerNormBackwardArgs,
  RmsNormBackwardArgs,
  ScatterAddArgs,
  XieluBackwardArgs,
} from '../training_kernels.ts';
import { checkAttention } from './attention.ts';
import {
  fail,
  matrix,
  requireDistinct,
  requireIds,
  requireInteger,
  requireMatrix,
  requirePositive,
  requireType,
  requireVector,
} from './check.ts';

/** `rows` stretches of `d` elements, as in the forward kernel. */
export function checkNormBackward(kernel: string, args: LayerNormBackwardArgs): { rows: number; d: number } {
  const { hidden_states, weight, grad_output, grad_input } = args;
  const [rows, columns] = matrix(kernel, 'hidden_states', hidden_states);
  const d = stretch(kernel, args.width, columns);
  if (weight) requireVector(kernel, 'weight', weight, d);
  requireMatrix(kernel, 'grad_output', grad_output, rows, columns);
  requireMatrix(kernel, 'grad_input', grad_input, rows, columns);
  requireDistinct(kernel, grad_input, hidden_states, weight, grad_output);
  return { rows: rows * (columns / d), d };
}

export function checkRmsNormBackward(args: RmsNormBackwardArgs): { rows: number; d: number } {
  requireInteger('rms_norm_backward', 'normalized_size', args.normalized_size, 1);
  return checkNormBackward('rms_norm_backward', args);
}

function stretch(kernel: string, width: number | undefined, columns: number): number {
  if (width === undefined) return columns;
  requireInteger(kernel, 'width', width, 1);
  if (columns % width !== 0) fail(kernel, `width is ${width}`, `a divisor of the row length ${columns}`);
  return width;
}

export function checkGluBackward(args: GluBackwardArgs): { elements: number } {
  const { gate, up, grad_output, grad_gate, grad_up } = args;
  const [rows, columns] = matrix('glu_backward', 'gate', gate);
  for (const [name, tensor] of Object.entries({ up, grad_output, grad_gate, grad_up })) {
    requireMatrix('glu_backward', name, tensor, rows, columns);
  }
  requireDistinct('glu_backward', grad_gate, gate, up, grad_output, grad_up);
  requireDistinct('glu_backward', grad_up, gate, up, grad_output);
  return { elements: rows * columns };
}

/** Also of `xielu_backward`. */
export function checkActivationBackward(
  kernel: string,
  args: Omit<ActivationBackwardArgs, 'activation'> | XieluBackwardArgs,
): { elements: number } {
  const { hidden_states, grad_output, grad_input } = args;
  const [rows, columns] = matrix(kernel, 'hidden_states', hidden_states);
  requireMatrix(kernel, 'grad_output', grad_output, rows, columns);
  requireMatrix(kernel, 'grad_input', grad_input, rows, columns);
  requireDistinct(kernel, grad_input, hidden_states, grad_output);
  return { elements: rows * columns };
}

export function checkClipBackward({ clipped, gradient, limit }: ClipBackwardArgs): { elements: number } {
  requireType('clip_backward', 'clipped', clipped, 'f32');
  const elements = elementCount(clipped.shape);
  requireVector('clip_backward', 'gradient', gradient, elements);
  requirePositive('clip_backward', 'limit', limit);
  requireDistinct('clip_backward', gradient, clipped);
  return { elements };
}

export function checkAttentionBackward(args: AttentionBackwardArgs): { rows: number; batch: number; group: number } {
  const sizes = checkAttention(args);
  const { query, key, value, output, grad_output, grad_query, grad_key, grad_value, heads, kv_heads, head_dim } = args;
  const name = 'attention_backward';
  requireMatrix(name, 'grad_output', grad_output, sizes.rows, heads * head_dim);
  requireMatrix(name, 'grad_query', grad_query, sizes.rows, heads * head_dim);
  requireMatrix(name, 'grad_key', grad_key, sizes.rows, kv_heads * head_dim);
  requireMatrix(name, 'grad_value', grad_value, sizes.rows, kv_heads * head_dim);
  const read = [query, key, value, output, grad_output, args.slopes];
  requireDistinct(name, grad_query, ...read, grad_key, grad_value);
  requireDistinct(name, grad_key, ...read, grad_value);
  requireDistinct(name, grad_value, ...read);
  return sizes;
}

export function checkCrossEntropyBackward(args: CrossEntropyBackwardArgs): { rows: number; n: number } {
  const name = 'cross_entropy_backward';
  const [rows, n] = matrix(name, 'logits', args.logits);
  requireIds(name, 'target_ids', args.target_ids, rows);
  requireMatrix(name, 'state', args.state, rows, 4);
  requireVector(name, 'weights', args.weights, rows);
  requireInteger(name, 'first_column', args.first_column, 0);
  if (args.soft_cap !== undefined) requirePositive(name, 'soft_cap', args.soft_cap);
  requireDistinct(name, args.logits, args.state, args.weights);
  return { rows, n };
}

export function checkDivergence(kernel: string, args: DivergenceArgs): { rows: number; n: number } {
  const { teacher, student, teacher_state, student_state, sums, kind, beta } = args;
  const [rows, n] = matrix(kernel, 'student', student);
  requireMatrix(kernel, 'teacher', teacher, rows, n);
  requireMatrix(kernel, 'teacher_state', teacher_state, rows, 4);
  requireMatrix(kernel, 'student_state', student_state, rows, 4);
  requireMatrix(kernel, 'sums', sums, rows, 2);
  if (kind === 'jsd' && !(beta !== undefined && beta > 0 && beta < 1)) {
    fail(kernel, `beta is ${beta}`, 'a number between 0 and 1');
  }
  requireDistinct(kernel, sums, teacher, student, teacher_state, student_state);
  return { rows, n };
}

export function checkDivergenceBackward(args: DivergenceBackwardArgs): { rows: number; n: number } {
  const name = 'divergence_backward';
  const sizes = checkDivergence(name, args);
  requireVector(name, 'weights', args.weights, sizes.rows);
  if (args.soft_cap !== undefined) requirePositive(name, 'soft_cap', args.soft_cap);
  requireDistinct(name, args.student, args.teacher, args.teacher_state, args.student_state, args.sums, args.weights);
  return sizes;
}

/** `rows` stretches of `d` elements. */
export function checkColumnSums({ a, b, width, output }: ColumnSumsArgs): { rows: number; d: number } {
  const [rows, columns] = matrix('column_sums', 'a', a);
  const d = stretch('column_sums', width, columns);
  if (b) requireMatrix('column_sums', 'b', b, rows, columns);
  requireVector('column_sums', 'output', output, d);
  requireDistinct('column_sums', output, a, b);
  return { rows: rows * (columns / d), d };
}

export function checkScatterAdd(args: ScatterAddArgs): { targets: number; d: number } {
  const name = 'scatter_add';
  const [, d] = matrix(name, 'hidden_states', args.hidden_states);
  const [, columns] = matrix(name, 'output', args.output);
  if (columns !== d) fail(name, `output has ${columns} columns`, `${d}, as hidden_states has`, args.output);
  const count = elementCount(args.targets.shape);
  requireIds(name, 'targets', args.targets, count);
  requireIds(name, 'starts', args.starts, count + 1);
  requireType(name, 'order', args.order, 'u32');
  requireDistinct(name, args.output, args.hidden_states);
  return { targets: count, d };
}

export function checkAdamw(args: AdamwArgs): { elements: number } {
  const tensors: Record<string, Tensor> = {
    gradient: args.gradient,
    first_moment: args.first_moment,
    second_moment: args.second_moment,
  };
  requireType('adamw', 'parameter', args.parameter, 'f32');
  const elements = elementCount(args.parameter.shape);
  for (const [name, tensor] of Object.entries(tensors)) requireVector('adamw', name, tensor, elements);
  requireInteger('adamw', 'step', args.step, 1);
  requireDistinct('adamw', args.parameter, ...Object.values(tensors));
  return { elements };
}
