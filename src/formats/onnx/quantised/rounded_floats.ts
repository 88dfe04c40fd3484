/**
 * @file A float tensor that the graph rounds as it comes: QuantizeLinear of a stored weight, with DequantizeLinear behind it, as ONNX
 * Runtime's quantiser writes it with AddQDQPairToWeight. The numbers are those that the pair gives.
 */
import type { OnnxNode } from '../read_model.ts';
import type { DequantizeParts } from './dequantize_linear.ts';
import { checkSize, notRead } from './faults.ts';
import { isFloat, readNumbers } from './numbers.ts';
import { scaleIndex } from './scale_index.ts';
import { type VirtualTensor, virtualTensor } from './virtual.ts';

const RANGES: Readonly<Record<string, readonly [low: number, high: number] | undefined>> = {
  ...{ UINT2: [0, 3], INT2: [-2, 1], UINT4: [0, 15], INT4: [-8, 7], UINT8: [0, 255], INT8: [-128, 127] },
  ...{ UINT16: [0, 65535], INT16: [-32768, 32767] },
};
const LABELS: Readonly<Record<string, string>> = { FLOAT: 'F32', FLOAT16: 'F16', BFLOAT16: 'BF16', DOUBLE: 'F64' };

/** @param codes The floats. @param node QuantizeLinear. Throws `bad_onnx`, `unknown_architecture`. */
export function roundedTensor(
  file: string,
  node: OnnxNode,
  name: string,
  { codes: floats, scales, zeros }: DequantizeParts,
): VirtualTensor {
  // Without zero points codes are bytes, unless the node says otherwise.
  const type = zeros?.type.name ?? (node.ints.get('output_dtype')?.[0] ? 'another type (output_dtype)' : 'UINT8');
  const range = RANGES[type];
  if (!range) throw notRead(file, node, `rounds a stored weight to ${type}`, Object.keys(RANGES).join(', '));
  for (const part of [floats, scales]) {
    if (!isFloat(part)) throw notRead(file, node, `rounds by ${part.type.name}`, 'FLOAT, FLOAT16 or BFLOAT16');
  }
  const index = scaleIndex(file, node, floats, scales);
  if (zeros) checkSize(file, node, 'zero points', zeros, scales.elements);
  const width = floats.dims.slice(1).reduce((product, size) => product * size, 1);
  const [low, high] = range;
  return virtualTensor(name, floats.dims, [floats, scales, ...(zeros ? [zeros] : [])], {
    label: LABELS[floats.type.name],
    async rows({ start, end }, read) {
      const first = start * width;
      const found = await readNumbers(floats, first, (end - start) * width, read);
      const factors = await readNumbers(scales, 0, scales.elements, read);
      const offsets = zeros && (await readNumbers(zeros, 0, zeros.elements, read));
      const rounded = found.map((value, i) => {
        const at = index(first + i);
        const zero = offsets ? offsets[at] : 0;
        const code = Math.min(Math.max(roundHalfEven(Math.fround(value / factors[at])) + zero, low), high);
        return (code - zero) * factors[at];
      });
      return new Float32Array(rounded);
    },
  });
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}
