/**
 * @file Integers of compressed-tensors. `pack-quantized`: `weight_packed` (out, ⌈in·b/32⌉) of codes moved by 2^(b−1), `weight_shape`,
 * `weight_scale` (out, groups), `weight_zero_point` (⌈out·b/32⌉, groups) packed along the outputs, `weight_g_idx` where inputs are grouped in
 * another order. `int-quantized`: `weight` in I8 with `weight_scale` and `weight_zero_point` in I8. With the strategy `block` a scale serves
 * a block of outputs too: (⌈out/rows⌉, ⌈in/columns⌉).
 */
import type { FloatType } from '../../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../../tensor/half.ts';
import { elementCount, type Shape } from '../../../tensor/shape.ts';
import type { RowRange, TensorInfo } from '../../checkpoint.ts';
import { groupsIn, type IntegerRows, integerValues, type StoredIntegers } from '../../integers.ts';
import { bitsOf, codeAt, wordsFor } from './bits.ts';
import { checkShape, type DecodedWeight, type PartReader, wrongPart } from './decoded.ts';
import { FLOAT_TYPES, plainGroup } from './gptq.ts';

export interface CompressedScheme {
  /** Bits and group sizes of the config's groups; which of them a weight has is told by its shapes. */
  readonly bits: readonly number[];
  readonly group_sizes: readonly number[];
  readonly blocks?: readonly (readonly [rows: number, columns: number])[];
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
  const spread = scaleSpread(scales, rows, columns, scheme);
  const { groups } = spread;
  // Packed along the outputs; of one scale for all or for a block, and in versions before 0.9.2, one signed byte each.
  const isBytes = zeros?.dtype === 'I8';
  if (zeros) {
    parts.need(zeros.name, ['I32', 'I8'], first);
    if (isBytes) checkShape(zeros, ...spread.shapes);
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
    if (isBytes) return signedZeros(parts, zeros!, spread, { start, end }, half);
    const words = new Int32Array((await parts.bytes(zeros!)).buffer);
    return Float64Array.from({ length: (end - start) * groups }, (_, i) =>
      codeAt(words, i % groups, groups, start + Math.floor(i / groups), bits),
    );
  };
  return assembled(parts, scheme, {
    ...{ module, rows, columns, bits, scales, spread, codes },
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
  const spread = scaleSpread(scales, rows, columns, scheme);
  if (zeros) checkShape(parts.need(zeros.name, ['I8'], first), ...spread.shapes);
  return assembled(parts, scheme, {
    ...{ module, rows, columns, bits: 8, scales, spread },
    // Unsigned, as the zero points are then.
    codes: async (range) => (await parts.bytes(weight, range)).map((code) => code ^ 128),
    ...(zeros && { zeros: (range: RowRange) => signedZeros(parts, zeros, spread, range, 128) }),
    signed: (found) => found.map((code) => code ^ 128),
    parts: [weight, scales, ...(zeros ? [zeros] : [])],
  });
}

/** How scales, and zero points in bytes, lie over the rows of a matrix. */
interface Spread {
  /** A row's. */
  readonly groups: number;
  /** That share a row of scales. */
  readonly rows: number;
  /** Shapes that they may have. */
  readonly shapes: readonly Shape[];
}

/** Throws `bad_safetensors`. */
function scaleSpread(scales: TensorInfo, rows: number, columns: number, { blocks = [] }: CompressedScheme): Spread {
  if (elementCount(scales.shape) === 1) return { groups: 1, rows, shapes: [[1], [], [1, 1]] };
  const [count, groups = 1] = scales.shape;
  const block = blocks.find(([high, wide]) => {
    return high > 1 && count === Math.ceil(rows / high) && groups === Math.ceil(columns / wide);
  });
  if (block && count !== rows) return { groups, rows: block[0], shapes: [[count, groups]] };
  const shapes = [[rows, groups], ...(groups === 1 ? [[rows]] : [])];
  checkShape(scales, ...shapes, ...blocks.map(([high, wide]) => [Math.ceil(rows / high), Math.ceil(columns / wide)]));
  return { groups, rows: 1, shapes };
}

/** Values of the rows' groups, from those of rows of scales. */
function spreadOver(found: ArrayLike<number>, { groups, rows }: Spread, { start, end }: RowRange): Float64Array {
  return Float64Array.from({ length: (end - start) * groups }, (_, i) => {
    const row = Math.floor((start + Math.floor(i / groups)) / rows);
    return found[row * groups + (i % groups)];
  });
}

async function signedZeros(parts: PartReader, zeros: TensorInfo, spread: Spread, range: RowRange, moved: number) {
  const found = new Int8Array((await parts.bytes(zeros)).buffer);
  return spreadOver(found, spread, range).map((zero) => zero + moved);
}

interface Matrix {
  module: string;
  rows: number;
  columns: number;
  bits: number;
  scales: TensorInfo;
  spread: Spread;
  /** Unsigned. */
  codes(range: RowRange): Promise<Uint8Array>;
  zeros?(range: RowRange): Promise<Float64Array>;
  signed(codes: Uint8Array): Uint8Array;
  parts: TensorInfo[];
}

async function assembled(parts: PartReader, scheme: CompressedScheme, matrix: Matrix): Promise<DecodedWeight> {
  const { module, rows, columns, bits, scales, spread, codes, zeros, signed } = matrix;
  const { groups } = spread;
  const wide = [...scheme.group_sizes, ...(scheme.blocks ?? []).map(([, size]) => size)];
  const group = plainGroup(columns, groups, wide.find((size) => groupsIn(columns, size) === groups) ?? 0, scales);
  const g_idx = parts.get(`${module}.weight_g_idx`);
  const read = async ({ start, end }: RowRange): Promise<IntegerRows> => {
    // One row serves several: all are read then.
    const range = spread.rows === 1 ? { start, end } : undefined;
    const stored = decodeToFloat32(await parts.bytes(scales, range), scales.dtype as FloatType);
    const factors = range ? Float64Array.from(stored) : spreadOver(stored, spread, { start, end });
    const found = await codes({ start, end });
    const shared = { rows: end - start, columns, scales: factors };
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
      const each = (values: Float64Array) =>
        Float64Array.from(
          { length: found.rows * columns },
          (_, i) => values[Math.floor(i / columns) * groups + of[i % columns]],
        );
      const own = { ...found, scales: each(found.scales), ...(found.zeros && { zeros: each(found.zeros) }) };
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
