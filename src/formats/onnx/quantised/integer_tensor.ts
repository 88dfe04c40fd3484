/**
 * @file The weight of MatMulInteger: bytes (in, out), with one scale and zero point for all or one for each output. It reads as the
 * linear (out, in) that it is.
 */
import type { RowRange } from '../../checkpoint.ts';
import { type IntegerRows, integerValues, type StoredIntegers } from '../../integers.ts';
import type { OnnxNode } from '../read_model.ts';
import { bad, type StoredTensor } from '../read_tensor.ts';
import type { DequantizeParts } from './dequantize_linear.ts';
import { checkSize, notRead } from './faults.ts';
import { isFloat, readNumbers } from './numbers.ts';
import { type ReadTensor, type VirtualTensor, virtualTensor } from './virtual.ts';

/** The middle of a byte, as Whittle's own graphs name it. */
const OWN_MIDDLE = 'constant.uint8.128';

/** Throws `bad_onnx`, `unknown_architecture`. */
export function integerTensor(file: string, node: OnnxNode, name: string, parts: DequantizeParts): VirtualTensor {
  const { codes, scales, zeros } = parts;
  const isSigned = codes.type.name === 'INT8';
  if (!isSigned && codes.type.name !== 'UINT8')
    throw notRead(file, node, `multiplies by ${codes.type.name}`, 'INT8, UINT8');
  if (codes.dims.length !== 2)
    throw notRead(file, node, `multiplies by a tensor of ${codes.dims.length} dimensions`, 'a matrix');
  if (!isFloat(scales)) throw notRead(file, node, `has scales in ${scales.type.name}`, 'FLOAT or FLOAT16');
  const [columns, rows] = codes.dims;
  if (scales.elements !== 1) checkSize(file, node, 'scales', scales, rows);
  if (zeros && zeros.elements !== 1) checkSize(file, node, 'zero points', zeros, rows);
  if (zeros && zeros.type.name !== codes.type.name)
    throw notRead(file, node, `has zero points in ${zeros.type.name}`, codes.type.name);
  const isMiddle = zeros ? !isSigned && zeros.name === OWN_MIDDLE : isSigned;
  const zero: StoredIntegers['zero'] = isMiddle ? 'symmetric' : 'integer';
  const scale = scales.type.name === 'FLOAT16' ? 'F16' : 'F32';
  let turned: Promise<Uint8Array> | undefined;

  const read = async ({ start, end }: RowRange, reader: ReadTensor): Promise<IntegerRows> => {
    turned ??= transposed(codes, reader);
    const all = turned;
    // Rows are asked for in blocks, and lie across all of it.
    if (end === rows) turned = undefined;
    const own = await all.catch((cause) => {
      turned = undefined;
      throw cause;
    });
    const moved = isMiddle === isSigned ? 0 : 128;
    const found = own.slice(start * columns, end * columns).map((code) => code ^ moved);
    const each = async (of: StoredTensor) => {
      const one = of.elements === 1;
      const values = await readNumbers(of, one ? 0 : start, one ? 1 : end - start, reader);
      return one ? new Float64Array(end - start).fill(values[0]) : values;
    };
    const offsets = zeros ? await each(zeros) : new Float64Array(end - start);
    const shared = { rows: end - start, columns, codes: found, scales: await each(scales) };
    if (!isMiddle) return { ...shared, zeros: offsets.map((value) => value + (isSigned ? 128 : 0)) };
    if (zeros && offsets.some((value) => value !== 128)) {
      throw bad(file, `The zero point ${zeros.name} is ${offsets[0]}.`, { tensor: zeros.name }, '128');
    }
    return shared;
  };
  const tensor = virtualTensor(name, [rows, columns], [codes, scales, ...(zeros ? [zeros] : [])], {
    label: 'int8 row',
    rows: async (range, reader) => integerValues(await read(range, reader), { group: 'row', zero }),
    integers: (reader) => ({ bits: 8, group: 'row', zero, scale, read: (range) => read(range, reader) }),
  });
  return { ...tensor, is_out_in: true };
}

/** (in, out) → (out, in). */
async function transposed(codes: StoredTensor, read: ReadTensor): Promise<Uint8Array> {
  const [columns, rows] = codes.dims;
  const stored = await read(codes, 0, codes.bytes);
  const out = new Uint8Array(columns * rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) out[row * columns + column] = stored[column * rows + row];
  }
  return out;
}
