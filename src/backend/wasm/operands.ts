/** @file Tensors as the arrays that tasks take. */
import { WhittleError } from '../../errors/errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { MatmulBtArgs, Tensor } from '../backend.ts';
import { floats, hostTensor } from '../cpu/tensor.ts';
import type { Epilogue } from './epilogue.ts';
import type { Singles } from './losses.ts';

/** A task whose arrays are all f32: what every tensor but a covariance is. */
export function singlesOf<T>(task: T): Singles<T> {
  for (const [name, value] of Object.entries(task as object)) {
    if (value instanceof Float64Array) throw covarianceMisused(name);
  }
  return task as Singles<T>;
}

/** The numbers of an operand; a covariance, which is f64, is rounded. */
export function singles(tensor: Tensor): Float32Array {
  const values = floats(tensor);
  return values instanceof Float32Array ? values : new Float32Array(values);
}

/** What is done to a product before it is written, if anything is. */
export function epilogueOf({ row_scale, gate, accumulate }: MatmulBtArgs): Epilogue {
  return {
    row_scale: row_scale && singles(row_scale),
    gate: gate && singles(gate.states),
    activation: gate?.activation,
    accumulate,
  };
}

/**
 * The place of a result.
 * @param written How many elements a kernel writes whatever is there: where these are all, the array need not be cleared before.
 */
export function output(tensor: Tensor, written = 0): Float32Array {
  if (written === elementCount(tensor.shape)) hostTensor(tensor).overwritten();
  const values = floats(tensor);
  if (values instanceof Float32Array) return values;
  throw covarianceMisused(tensor.label);
}

function covarianceMisused(tensor: string): WhittleError {
  return new WhittleError({
    code: 'internal',
    message: 'A covariance, which is f64 here, was given to a kernel that works in f32.',
    place: { tensor },
  });
}
