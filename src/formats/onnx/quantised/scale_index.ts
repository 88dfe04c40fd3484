/**
 * @file Which scale and zero point an element of a tensor has: one for all, one for each index of an axis, or one for each block along
 * an axis (QuantizeLinear, DequantizeLinear; onnx/docs/Operators.md).
 */
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { attribute, checkSize, notRead } from './faults.ts';

const sizeOf = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);

/**
 * From an element's place in row-major order. Throws `bad_onnx` for as many scales as nothing calls for, `unknown_architecture` for an
 * axis that the tensor does not have.
 */
export function scaleIndex(
  file: string,
  node: OnnxNode,
  { dims }: StoredTensor,
  scales: StoredTensor,
): (element: number) => number {
  if (scales.elements === 1) return () => 0;
  const given = attribute(file, node, 'axis', 1);
  // The operator's default is no axis of a vector.
  const axis = dims.length === 1 ? 0 : given < 0 ? given + dims.length : given;
  if (!(axis >= 0 && axis < dims.length)) throw notRead(file, node, `has the axis ${given}`, 'an axis of the tensor');
  const size = dims[axis];
  const inner = sizeOf(dims.slice(axis + 1));
  const block = Math.max(attribute(file, node, 'block_size', 0), 0);
  if (block === 0) {
    checkSize(file, node, 'scales', scales, size);
    return (element) => Math.floor(element / inner) % size;
  }
  const blocks = Math.ceil(size / block);
  checkSize(file, node, 'scales', scales, sizeOf(dims.slice(0, axis)) * blocks * inner);
  return (element) => {
    const at = Math.floor(element / inner);
    return (Math.floor(at / size) * blocks + Math.floor((at % size) / block)) * inner + (element % inner);
  };
}
