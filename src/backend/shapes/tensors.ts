/** @file Checks of what makes, fills and copies tensors. */
import { WhittleError } from '../../errors/errors.ts';
import { blockOf, bytesPerElement, type DType } from '../../tensor/dtype.ts';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../backend.ts';
import { fail, requireDistinct, requireType } from './check.ts';

/** Element count of a shape that a tensor may have: every dimension a whole number, at least 1. */
export function checkShape(shape: Shape, label: string): number {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `A tensor of shape ${formatShape(shape)} was asked for.`,
      place: { tensor: label },
      allowed: 'dimensions that are whole numbers, at least 1',
    });
  }
  return elementCount(shape);
}

/** Element count; throws where `values` has another length than the shape. */
export function checkFromArray(values: ArrayLike<number>, shape: Shape, label: string): number {
  const elements = checkShape(shape, label);
  if (values.length !== elements) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `${values.length} values were given for a tensor of shape ${formatShape(shape)}.`,
      place: { tensor: label },
      allowed: `${elements} values`,
    });
  }
  return elements;
}

/**
 * Element count; throws where the bytes are not exactly the shape's, or a row is no whole number of blocks: blocks of one
 * row never hold values of the next.
 */
export function checkDecode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): number {
  const elements = checkShape(shape, label);
  const block = blockOf(dtype).elements;
  const row = shape.at(-1) ?? 1;
  if (row % block !== 0) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `A ${dtype} tensor has the shape ${formatShape(shape)}: rows of ${row} elements.`,
      place: { tensor: label },
      allowed: `rows of whole blocks: a multiple of ${block} elements`,
    });
  }
  const expected = elements * bytesPerElement(dtype);
  if (bytes.byteLength !== expected) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `${bytes.byteLength} bytes were given for a ${dtype} tensor of shape ${formatShape(shape)}.`,
      place: { tensor: label },
      allowed: `${expected} bytes`,
    });
  }
  return elements;
}

export function checkCopy(from: Tensor, to: Tensor): { elements: number } {
  const elements = elementCount(from.shape);
  requireType('copy', 'to', to, from.type);
  if (elementCount(to.shape) !== elements) {
    fail(
      'copy',
      `to has shape ${formatShape(to.shape)}`,
      `${elements} elements, as ${formatShape(from.shape)} has`,
      to,
    );
  }
  requireDistinct('copy', to, from);
  return { elements };
}
