/**
 * @file The weight of com.microsoft's MatMulBnb4 (onnxruntime/docs/ContribOperators.md): bitsandbytes' 4-bit floats. The matrix
 * (out, in) is one row of blocks, whatever its columns; the value is that of a table at the code, times the block's largest magnitude.
 * Two codes a byte, the first in the high half. Tables: NF4 from Dettmers et al. 2023 (arXiv 2305.14314, appendix E), FP4 as
 * bitsandbytes has it: sign, two bits of exponent, one of mantissa, over 12.
 */
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { attribute, checkSize, notRead, sizeAttribute } from './faults.ts';
import { isFloat, readNumbers } from './numbers.ts';
import { type VirtualTensor, virtualTensor } from './virtual.ts';

const NF4 = [
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334],
  ...[-0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
];
const FP4_MAGNITUDES = [0, 0.0625, 8, 12, 4, 6, 2, 3].map((value) => value / 12);
const FP4 = [...FP4_MAGNITUDES, ...FP4_MAGNITUDES.map((value) => -value)];

/** Throws `bad_onnx`, `unknown_architecture`. */
export function bnb4Tensor(
  file: string,
  node: OnnxNode,
  name: string,
  codes: StoredTensor,
  scales: StoredTensor,
): VirtualTensor {
  const columns = sizeAttribute(file, node, 'K');
  const rows = sizeAttribute(file, node, 'N');
  const block = sizeAttribute(file, node, 'block_size');
  const kind = attribute(file, node, 'quant_type');
  if (kind !== 0 && kind !== 1) throw notRead(file, node, `has the quant_type ${kind}`, '0 (FP4) or 1 (NF4)');
  if (codes.type.name !== 'UINT8') throw notRead(file, node, `has codes in ${codes.type.name}`, 'UINT8');
  if (!isFloat(scales)) throw notRead(file, node, `has scales in ${scales.type.name}`, 'FLOAT or FLOAT16');
  const count = rows * columns;
  checkSize(file, node, 'codes', codes, Math.ceil(count / 2));
  checkSize(file, node, 'scales', scales, Math.ceil(count / block));
  const table = Float32Array.from(kind === 1 ? NF4 : FP4);
  const tensor = virtualTensor(name, [rows, columns], [codes, scales], {
    label: kind === 1 ? 'NF4' : 'FP4',
    async rows({ start, end }, read) {
      const first = start * columns;
      const last = end * columns;
      const byte = Math.floor(first / 2);
      const found = await read(codes, byte, Math.ceil(last / 2) - byte);
      const block0 = Math.floor(first / block);
      const factors = await readNumbers(scales, block0, Math.ceil(last / block) - block0, read);
      return Float32Array.from({ length: last - first }, (_, i) => {
        const at = first + i;
        const pair = found[Math.floor(at / 2) - byte];
        return table[at % 2 === 0 ? pair >> 4 : pair & 15] * factors[Math.floor(at / block) - block0];
      });
    },
  });
  return { ...tensor, is_out_in: true };
}
