/**
 * @file Integers of compressed-tensors. `pack-quantized`: `weight_packed` (out, ⌈in·b/32⌉) of codes moved by 2^(b−1), `weight_shape`,
 * `weight_scale` (out, groups), `weight_zero_point` (⌈out·b/32⌉, groups) packed along the outputs, `weight_g_idx` where inputs are grouped in
 * another order. `int-quantized`: `weight` in I8 with `weight_scale` and `weight_zero_point` in I8.
 */
import type { FloatType } from '../../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../../tensor/half.ts';
import type { RowRange, TensorInfo } from '../../checkpoint.ts';
import { groupsIn, type IntegerRows, integerValues, type StoredIntegers } from '../../integers.ts';
import { bitsOf, codeAt, wordsFor } from './bits.ts';
import { checkShape, type DecodedWeight, type PartReader, wrongPart } from './decoded.ts';
import { FLOAT_TYPES, plainGroup } from './gptq.ts';

export interface CompressedScheme {
  /** Bits and group sizes of the config's groups; which of them a weight has is told by its shapes. */
  readonly bits: readonly number[];
  readonly group_sizes: readonly number[];
}

export async function compressedWeights(parts: PartReader, scheme: CompressedScheme): Promise<DecodedWeight[]> {
  const weights: DecodedWeight[] = [];
  for (const module of parts.modules('weight_packed')) {
    if (parts.get(`${module}.weight_packed`)?.dtype === 'U8') continue;
    weights.push(await packedWeight(parts, module, scheme));
  }
  for (const module of parts.modules('weight')) {
    if (parts.get(`${module}.weight`)?.dtype === 'I8') weights.push(await byteWeight(parts, module, scheme));
  }
  return weights;
}

async function packedWeight(parts: PartReader, module: string, scheme: CompressedScheme): Promise<DecodedWeight> {
  const first = `${module}.weight_packed`;
  const packed = parts.need(first, ['I32'], first);
  const shape = parts.need(`${module}.weight_shape`, ['I64', 'I32'], first);
  const [rows, columns] = await readSizes(parts, shape);
  const bits = bitsOf(packed.shape[1], columns, scheme.bits);
  if (bits === undefined || packed.shape[0] !== rows) {
    const bitsText = scheme.bits.join(' or ');
    throw wrongPart(packed, `does not hold ${rows} × ${columns} codes`, `${bitsText} bits a code, as the config says`);
  }
  const scales = parts.need(`${module}.weight_scale`, FLOAT_TYPES, first);
  const zeros = parts.get(`${module}.weight_zero_point`);
  const groups = scales.shape[1] ?? 1;
  // Packed along the outputs; of one scale for all, and in versions before 0.9.2, one signed byte each.
  const isBytes = zeros?.dtype === 'I8';
  const isWhole = scales.shape.reduce((product, size) => product * size, 1) === 1;
  if (zeros) {
    parts.need(zeros.name, ['I32', 'I8'], first);
    if (isBytes) checkShape(zeros, ...(isWhole ? [[1], [], [1, 1]] : [[rows, groups], [rows]]));
    else checkShape(zeros, [wordsFor(rows, bits), groups]);
  }
  const width = packed.shape[1];
  const half = 2 ** (bits - 1);
  const codes = async ({ start, end }: RowRange) => {
    const words = new Int32Array((await parts.bytes(packed, { start, end })).buffer);
    const out = new Uint8Array((end - start) * columns);
    for (let i = 0; i < out.length; i++) {
      out[i] = codeAt(words, Math.floor(i / columns) * width, 1, i % columns, bits);
    }
    return out;
  };
  const zeroPoints = async ({ start, end }: RowRange) => {
    if (isBytes) {
      const found = new Int8Array((await parts.bytes(zeros!)).buffer);
      return Float64Array.from(
        { length: (end - start) * groups },
        (_, i) => found[isWhole ? 0 : start * groups + i] + half,
      );
    }
    const words = new Int32Array((await parts.bytes(zeros!)).buffer);
    return Float64Array.from({ length: (end - start) * groups }, (_, i) =>
      codeAt(words, i % groups, groups, start + Math.floor(i / groups), bits),
    );
  };
  return assembled(parts, scheme, {
    ...{ module, rows, columns, bits, scales, codes },
    // Both moved by half.
    ...(zeros && { zeros: zeroPoints }),
    signed: (found) => found.map((code) => code - half),
    parts: [packed, shape, scales, ...(zeros ? [zeros] : [])],
  });
}

async function byteWeight(parts: PartReader, module: string, scheme: CompressedScheme): Promise<DecodedWeight> {
  const first = `${module}.weight`;
  const weight = parts.need(first, ['I8'], first);
  const scales = parts.need(`${module}.weight_scale`, FLOAT_TYPES, first);
  const zeros = parts.get(`${module}.weight_zero_point`);
  if (weight.shape.length !== 2) throw wrongPart(weight, 'is no matrix', 'a matrix (out, in)');
  const [rows, columns] = weight.shape;
  const groups = scales.shape.length > 1 ? scales.shape[1] : 1;
  if (zeros) parts.need(zeros.name, ['I8'], first);
  const isWhole = scales.shape.reduce((product, size) => product * size, 1) === 1;
  if (zeros) checkShape(zeros, ...(isWhole ? [[1], [], [1, 1]] : [[rows, groups], [rows]]));
  return assembled(parts, scheme, {
    ...{ module, rows, columns, bits: 8, scales },
    // Unsigned, as the zero points are then.
    codes: async (range) => (await parts.bytes(weight, range)).map((code) => code ^ 128),
    ...(zeros && {
      zeros: async ({ start, end }: RowRange) => {
        const found = new Int8Array((await parts.bytes(zeros)).buffer);
        return Float64Array.from(
          { length: (end - start) * groups },
          (_, i) => found[isWhole ? 0 : start * groups + i] + 128,
        );
      },
    }),
    signed: (found) => found.map((code) => code ^ 128),
    parts: [weight, scales, ...(zeros ? [zeros] : [])],
  });
}

interface Matrix {
  module: string;
  rows: number;
  columns: number;
  bits: number;
  scales: TensorInfo;
  /** Unsigned. */
  codes(range: RowRange): Promise<Uint8Array>;
  zeros?(range: RowRange): Promise<Float64Array>;
  signed(codes: Uint8Array): Uint8Array;
  parts: TensorInfo[];
}

async function assembled(parts: PartReader, scheme: CompressedScheme, matrix: Matrix): Promise<DecodedWeight> {
  const { module, rows, columns, bits, scales, codes, zeros, signed } = matrix;
  const count = scales.shape.reduce((product, size) => product * size, 1);
  const groups = count === 1 ? 1 : (scales.shape[1] ?? 1);
  if (count !== 1) checkShape(scales, [rows, groups], ...(groups === 1 ? [[rows]] : []));
  const sizes = scheme.group_sizes.filter((size) => groupsIn(columns, size) === groups);
  const group = plainGroup(columns, groups, sizes[0] ?? 0, scales);
  const g_idx = parts.get(`${module}.weight_g_idx`);
  const read = async ({ start, end }: RowRange): Promise<IntegerRows> => {
    const rowsRead = end - start;
    const stored = decodeToFloat32(
      await parts.bytes(scales, count === 1 ? undefined : { start, end }),
      scales.dtype as FloatType,
    );
    const factors = Float64Array.from({ length: rowsRead * groups }, (_, i) => stored[count === 1 ? 0 : i]);
    const found = await codes({ start, end });
    const shared = { rows: rowsRead, columns, scales: factors };
    return zeros
      ? { ...shared, codes: found, zeros: await zeros({ start, end }) }
      : { ...shared, codes: signed(found) };
  };
  const zero = zeros ? ('integer' as const) : ('symmetric' as const);
  const scale = scales.dtype === 'F16' ? ('F16' as const) : ('F32' as const);
  const base = {
    ...{ name: `${module}.weight`, shape: [rows, columns] },
    label: `int${bits}${group === 'row' ? ' row' : ` g${group}`}`,
    parts: [...matrix.parts, ...(g_idx ? [g_idx] : [])],
  };
  if (!g_idx) return { ...base, integers: { bits: bits as StoredIntegers['bits'], group, zero, scale, read } };
  checkShape(g_idx, [columns]);
  const of = await readSizes(parts, g_idx);
  const odd = of.find((each) => each < 0 || each >= groups);
  if (odd !== undefined) throw wrongPart(g_idx, `holds the group ${odd}`, `0 to ${groups - 1}`);
  return {
    ...base,
    async rows(range) {
      const found = await read(range);
      const spread = (values: Float64Array) =>
        Float64Array.from(
          { length: found.rows * columns },
          (_, i) => values[Math.floor(i / columns) * groups + of[i % columns]],
        );
      const own = { ...found, scales: spread(found.scales), ...(found.zeros && { zeros: spread(found.zeros) }) };
      return integerValues(own, { group: 1, zero });
    },
  };
}

async function readSizes(parts: PartReader, info: TensorInfo): Promise<number[]> {
  const { buffer } = await parts.bytes(info);
  return info.dtype === 'I64'
    ? [...new BigInt64Array(buffer as ArrayBuffer)].map(Number)
    : [...new Int32Array(buffer as ArrayBuffer)];
}
