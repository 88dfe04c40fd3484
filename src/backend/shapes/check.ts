/** @file What every check is made of: each function throws `kernel_shape` and names the kernel and the tensor. */
import { WhittleError } from '../../errors/errors.ts';
import { elementCount, formatShape } from '../../tensor/shape.ts';
import type { Tensor } from '../backend.ts';

export function fail(kernel: string, message: string, allowed: string, tensor?: Tensor): never {
  throw new WhittleError({
    code: 'kernel_shape',
    message: `${kernel}: ${message}.`,
    place: tensor ? { tensor: tensor.label } : {},
    allowed,
    action: 'This is a fault in Whittle or in a model whose tensors contradict its config.json.',
  });
}

export function requireType(kernel: string, name: string, tensor: Tensor, type: Tensor['type']): void {
  if (tensor.type !== type) fail(kernel, `${name} has type ${tensor.type}`, `a ${type} tensor`, tensor);
}

/** An f32 matrix as [rows, columns]. */
export function matrix(kernel: string, name: string, tensor: Tensor): [rows: number, columns: number] {
  requireType(kernel, name, tensor, 'f32');
  if (tensor.shape.length !== 2) {
    fail(kernel, `${name} has shape ${formatShape(tensor.shape)}`, 'a matrix: two dimensions', tensor);
  }
  return [tensor.shape[0], tensor.shape[1]];
}

export function requireMatrix(kernel: string, name: string, tensor: Tensor, rows: number, columns: number): void {
  const [found_rows, found_columns] = matrix(kernel, name, tensor);
  if (found_rows !== rows || found_columns !== columns) {
    fail(kernel, `${name} has shape ${formatShape(tensor.shape)}`, formatShape([rows, columns]), tensor);
  }
}

export function requireVector(kernel: string, name: string, tensor: Tensor, length: number): void {
  requireType(kernel, name, tensor, 'f32');
  const found = elementCount(tensor.shape);
  if (found !== length) fail(kernel, `${name} has ${found} elements`, `${length} elements`, tensor);
}

export function requireIds(kernel: string, name: string, tensor: Tensor, length: number): void {
  requireType(kernel, name, tensor, 'u32');
  const found = elementCount(tensor.shape);
  if (found !== length) fail(kernel, `${name} has ${found} elements`, `${length} elements`, tensor);
}

export function requireDistinct(kernel: string, output: Tensor, ...inputs: (Tensor | undefined)[]): void {
  if (inputs.includes(output)) fail(kernel, 'output is one of the inputs', 'a tensor of its own as output', output);
}

export function requireInteger(kernel: string, name: string, value: number, minimum: number): void {
  if (!Number.isInteger(value) || value < minimum) {
    fail(kernel, `${name} is ${value}`, `a whole number, at least ${minimum}`);
  }
}

export function requireAtLeast(kernel: string, what: string, found: number, minimum: number, tensor: Tensor): void {
  if (found < minimum) fail(kernel, `${what} are ${found}`, `at least ${minimum}`, tensor);
}

export function requirePositive(kernel: string, name: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) fail(kernel, `${name} is ${value}`, 'a positive number');
}
