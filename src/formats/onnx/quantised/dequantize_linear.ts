/**
 * @file DequantizeLinear of a stored tensor: (x − zero_point) · scale with one scale for all, one for each index of an axis, or
 * one for each block along an axis (onnx/docs/Operators.md). Rows are of the first dimension, whatever the axis.
 */
import type { RowRange } from '../../checkpoint.ts';
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { attribute, checkSize, notRead } from './faults.ts';
import { isDecodable, isFloat, readNumbers } from './numbers.ts';
import { type ReadTensor, type VirtualTensor, virtualTensor } from './virtual.ts';

export interface DequantizeParts {
  readonly codes: StoredTensor;
  readonly scales: StoredTensor;
  readonly zeros?: StoredTensor;
}

/** Throws `bad_onnx`, `unknown_architecture`. */
export function dequantizedTensor(file: string, node: OnnxNode, name: string, parts: DequantizeParts): VirtualTensor {
  const { codes, scales, zeros } = parts;
  const all = [codes, scales, ...(zeros ? [zeros] : [])];
  const odd = all.find((part) => !isDecodable(part));
  if (odd) throw notRead(file, node, `reads ${odd.type.name}`, 'integers of 2, 4, 8 or 32 bits, or F8');
  if (!isFloat(scales)) throw notRead(file, node, `has scales in ${scales.type.name}`, 'FLOAT, FLOAT16 or BFLOAT16');
  const { dims } = codes;
  if (dims.length !== 1 && dims.length !== 2) {
    throw notRead(file, node, `makes a tensor of ${dims.length} dimensions`, 'a vector or a matrix');
  }
  const index = scaleIndex(file, node, codes, scales);
  if (zeros) checkSize(file, node, 'zero points', zeros, scales.elements);
  const [, columns = 1] = dims;
  return virtualTensor(name, dims, all, {
    label: labelOf(codes.type.name),
    async rows({ start, end }: RowRange, read: ReadTensor) {
      const found = await readNumbers(codes, start * columns, (end - start) * columns, read);
      const factors = await readNumbers(scales, 0, scales.elements, read);
      const offsets = zeros && (await readNumbers(zeros, 0, zeros.elements, read));
      const out = new Float32Array(found.length);
      for (let i = 0; i < out.length; i++) {
        const at = index(start + Math.floor(i / columns), i % columns);
        out[i] = (found[i] - (offsets ? offsets[at] : 0)) * factors[at];
      }
      return out;
    },
  });
}

function scaleIndex(file: string, node: OnnxNode, { dims }: StoredTensor, scales: StoredTensor) {
  if (scales.elements === 1) return () => 0;
  const [rows, columns = 1] = dims;
  const given = attribute(file, node, 'axis', 1);
  const axis = given < 0 ? given + dims.length : given;
  if (axis !== 0 && axis !== 1) throw notRead(file, node, `has the axis ${given}`, 'an axis of the matrix');
  const block = attribute(file, node, 'block_size', 0);
  if (block <= 0) {
    const count = dims.length === 1 ? rows : dims[axis];
    checkSize(file, node, 'scales', scales, count);
    return (row: number, column: number) => (axis === 0 || dims.length === 1 ? row : column);
  }
  const grid = [rows, columns];
  grid[axis] = Math.ceil(grid[axis] / block);
  checkSize(file, node, 'scales', scales, grid[0] * grid[1]);
  return (row: number, column: number) =>
    axis === 0 ? Math.floor(row / block) * grid[1] + column : row * grid[1] + Math.floor(column / block);
}

function labelOf(type: string): string {
  return type.startsWith('FLOAT8') ? 'F8' : type.toLowerCase().replace('uint', 'int');
}
