/** @file Checks of the kernels that work element by element. */
import { elementCount } from '../../tensor/shape.ts';
import type {
  ActivationArgs,
  AddArgs,
  AddBiasArgs,
  ClipArgs,
  CountNonFiniteArgs,
  GluArgs,
  ScaleArgs,
  ScaleColumnsArgs,
  SoftCapArgs,
} from '../backend.ts';
import {
  matrix,
  requireAtLeast,
  requireDistinct,
  requireInteger,
  requireMatrix,
  requirePositive,
  requireType,
  requireVector,
} from './check.ts';

export function checkAddBias(args: AddBiasArgs): { rows: number; d: number } {
  const [rows, d] = matrix('add_bias', 'hidden_states', args.hidden_states);
  requireVector('add_bias', 'bias', args.bias, d);
  requireDistinct('add_bias', args.hidden_states, args.bias);
  return { rows, d };
}

export function checkGlu(args: GluArgs): { elements: number } {
  const [rows, columns] = matrix('glu', 'gate', args.gate);
  requireMatrix('glu', 'up', args.up, rows, columns);
  requireMatrix('glu', 'output', args.output, rows, columns);
  requireDistinct('glu', args.output, args.gate, args.up);
  return { elements: rows * columns };
}

export function checkActivation(args: ActivationArgs): { elements: number } {
  const [rows, columns] = matrix('activation', 'hidden_states', args.hidden_states);
  requireMatrix('activation', 'output', args.output, rows, columns);
  requireDistinct('activation', args.output, args.hidden_states);
  return { elements: rows * columns };
}

export function checkScale(args: ScaleArgs): { elements: number } {
  requireType('scale', 'hidden_states', args.hidden_states, 'f32');
  return { elements: elementCount(args.hidden_states.shape) };
}

export function checkSoftCap(args: SoftCapArgs): { elements: number } {
  requireType('soft_cap', 'hidden_states', args.hidden_states, 'f32');
  requirePositive('soft_cap', 'cap', args.cap);
  return { elements: elementCount(args.hidden_states.shape) };
}

export function checkClip(args: ClipArgs): { elements: number } {
  requireType('clip', 'hidden_states', args.hidden_states, 'f32');
  requirePositive('clip', 'limit', args.limit);
  return { elements: elementCount(args.hidden_states.shape) };
}

/** `output` may be `a`, and then the sum is made in place. */
export function checkAdd(args: AddArgs): { elements: number } {
  requireType('add', 'a', args.a, 'f32');
  const elements = elementCount(args.a.shape);
  requireVector('add', 'b', args.b, elements);
  requireVector('add', 'output', args.output, elements);
  requireDistinct('add', args.output, args.b);
  return { elements };
}

export function checkScaleColumns(args: ScaleColumnsArgs): { rows: number; d: number } {
  const [rows, d] = matrix('scale_columns', 'weight', args.weight);
  requireVector('scale_columns', 'scale', args.scale, d);
  requireMatrix('scale_columns', 'output', args.output, rows, d);
  requireDistinct('scale_columns', args.output, args.weight, args.scale);
  return { rows, d };
}

export function checkCountNonFinite(args: CountNonFiniteArgs): { elements: number } {
  requireType('count_non_finite', 'tensor', args.tensor, 'f32');
  requireType('count_non_finite', 'counts', args.counts, 'u32');
  requireInteger('count_non_finite', 'index', args.index, 0);
  requireAtLeast(
    'count_non_finite',
    'elements of counts',
    elementCount(args.counts.shape),
    args.index + 1,
    args.counts,
  );
  return { elements: elementCount(args.tensor.shape) };
}
