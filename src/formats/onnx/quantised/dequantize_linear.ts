/**
 * @file DequantizeLinear of a stored tensor: (x − zero_point) · scale (onnx/docs/Operators.md). Rows are of the first dimension,
 * whatever the axis of the scales.
 */
import type { RowRange } from '../../checkpoint.ts';
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { checkSize, notRead } from './faults.ts';
import { isDecodable, isFloat, readNumbers } from './numbers.ts';
import { scaleIndex } from './scale_index.ts';
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
  if (odd) throw notRead(file, node, `reads ${odd.type.name}`, 'integers of 2, 4, 8, 16 or 32 bits, or F8');
  if (!isFloat(scales)) throw notRead(file, node, `has scales in ${scales.type.name}`, 'FLOAT, FLOAT16 or BFLOAT16');
  const index = scaleIndex(file, node, codes, scales);
  if (zeros) checkSize(file, node, 'zero points', zeros, scales.elements);
  const width = codes.dims.slice(1).reduce((product, size) => product * size, 1);
  return virtualTensor(name, codes.dims, all, {
    label: labelOf(codes.type.name),
    async rows({ start, end }: RowRange, read: ReadTensor) {
      const first = start * width;
      const found = await readNumbers(codes, first, (end - start) * width, read);
      const factors = await readNumbers(scales, 0, scales.elements, read);
      const offsets = zeros && (await readNumbers(zeros, 0, zeros.elements, read));
      const out = new Float32Array(found.length);
      for (let i = 0; i < out.length; i++) {
        const at = index(first + i);
        out[i] = (found[i] - (offsets ? offsets[at] : 0)) * factors[at];
      }
      return out;
    },
  });
}

function labelOf(type: string): string {
  return type.startsWith('FLOAT8') ? 'F8' : type.toLowerCase().replace('uint', 'int');
}
