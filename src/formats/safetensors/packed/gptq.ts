/**
 * @file GPTQ checkpoints, as AutoGPTQ and GPTQModel write them: `qweight` (in·b/32, out), `qzeros` (groups, out·b/32), `scales`
 * (groups, out), and `g_idx` (in), the group of each input. Everything but the meaning of stored zeros is told by the shapes, so that
 * modules with settings of their own (`dynamic`) need nothing more.
 */

import type { FloatType } from '../../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../../tensor/half.ts';
import type { TensorInfo } from '../../checkpoint.ts';
import { type IntegerRows, integerValues, type StoredIntegers } from '../../integers.ts';
import { bitsOf, codeAt, wordsFor } from './bits.ts';
import { checkShape, type DecodedWeight, type PartReader, wrongPart } from './decoded.ts';

export interface GptqScheme {
  /** Version 1 stores zero − 1, version 2 the zero itself. */
  readonly zeros: 'less_one' | 'as_they_are';
  /** From the config, for weights without `g_idx`; 0: all inputs. */
  readonly group: number;
  /** Zeros of 3-bit weights are the middle code whatever is stored: writers of version 1 disagree on how they store it. */
  readonly is_symmetric: boolean;
}

export const FLOAT_TYPES = ['F16', 'BF16', 'F32'] as const;
const BITS = [4, 8, 2, 3] as const;

export async function gptqWeights(parts: PartReader, scheme: GptqScheme): Promise<DecodedWeight[]> {
  const weights: DecodedWeight[] = [];
  for (const module of parts.modules('qweight')) weights.push(await gptqWeight(parts, module, scheme));
  return weights;
}

async function gptqWeight(parts: PartReader, module: string, scheme: GptqScheme): Promise<DecodedWeight> {
  const first = `${module}.qweight`;
  const qweight = parts.need(first, ['I32'], first);
  const scales = parts.need(`${module}.scales`, FLOAT_TYPES, first);
  const qzeros = parts.need(`${module}.qzeros`, ['I32'], first);
  const [groups, rows = 0] = scales.shape;
  const bits = bitsOf(qzeros.shape[1], rows, BITS) as StoredIntegers['bits'] | undefined;
  if (bits === undefined)
    throw wrongPart(qzeros, 'holds no 2, 3, 4 or 8 bits an output', `[${groups}, ${rows} · bits / 32]`);
  checkShape(qzeros, [groups, wordsFor(rows, bits)]);
  const columns = (qweight.shape[0] * 32) / bits;
  checkShape(qweight, [wordsFor(columns, bits), rows]);
  const g_idx = parts.get(`${module}.g_idx`);
  const { group, order, of } = await groupsOf(parts, g_idx, { columns, groups, scheme, scales });
  const isMiddle = bits === 3 && scheme.is_symmetric;
  const matrix: Matrix = { parts, qweight, qzeros, scales, bits, rows, columns, groups, scheme, isMiddle };
  const label = `int${bits}${group === 'row' ? ' row' : ` g${group}`}${order ? ' ordered' : ''}`;
  const base = { name: `${module}.weight`, shape: [rows, columns], label };
  const all = [qweight, qzeros, scales, ...(g_idx ? [g_idx] : [])];
  const scale = scales.dtype === 'F16' ? 'F16' : 'F32';
  if (!of) {
    const read = (range: { start: number; end: number }) => readRows(matrix, range, order);
    return {
      ...base,
      parts: all,
      integers: { bits, group, zero: 'integer', scale, ...(order && { ordered: true }), read },
    };
  }
  // Groups of unequal size: each input has the scale of its own group.
  return {
    ...base,
    parts: all,
    async rows(range) {
      const found = await readRows(matrix, range);
      const spread = (values: Float64Array) =>
        Float64Array.from(
          { length: found.rows * columns },
          (_, i) => values[Math.floor(i / columns) * groups + of[i % columns]],
        );
      return integerValues(
        { ...found, scales: spread(found.scales), zeros: spread(found.zeros!) },
        { group: 1, zero: 'integer' },
      );
    },
  };
}

interface Matrix {
  parts: PartReader;
  qweight: TensorInfo;
  qzeros: TensorInfo;
  scales: TensorInfo;
  bits: StoredIntegers['bits'];
  rows: number;
  columns: number;
  groups: number;
  scheme: GptqScheme;
  isMiddle: boolean;
}

async function readRows(
  { parts, qweight, qzeros, scales, bits, rows: all, columns, groups, scheme, isMiddle }: Matrix,
  { start, end }: { start: number; end: number },
  order?: Uint16Array,
): Promise<IntegerRows> {
  const rows = end - start;
  const words = await parts.words(qweight, end === all);
  const zero_words = new Int32Array((await parts.bytes(qzeros)).buffer);
  const factors = decodeToFloat32(await parts.bytes(scales), scales.dtype as FloatType);
  const codes = new Uint8Array(rows * columns);
  for (let j = 0; j < columns; j++) {
    const column = order ? order[j] : j;
    for (let row = 0; row < rows; row++) codes[row * columns + j] = codeAt(words, start + row, all, column, bits);
  }
  const zero_width = wordsFor(all, bits);
  const added = scheme.zeros === 'less_one' ? 1 : 0;
  const zeros = new Float64Array(rows * groups).fill(2 ** (bits - 1));
  const out = new Float64Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      out[row * groups + group] = factors[group * all + start + row];
      if (isMiddle) continue;
      const stored = codeAt(zero_words, group * zero_width, 1, start + row, bits);
      // A zero of 0 is stored as the highest code.
      zeros[row * groups + group] = (stored + added) & (2 ** bits - 1);
    }
  }
  return { rows, columns, codes, scales: out, zeros, ...(order && { order }) };
}

interface Groups {
  group: number | 'row';
  /** Inputs by their groups, where they do not lie so. */
  order?: Uint16Array;
  /** The group of each input, where groups are not of one size. */
  of?: Int32Array;
}

async function groupsOf(
  parts: PartReader,
  g_idx: TensorInfo | undefined,
  { columns, groups, scheme, scales }: { columns: number; groups: number; scheme: GptqScheme; scales: TensorInfo },
): Promise<Groups> {
  if (groups === 1) return { group: 'row' };
  if (!g_idx) return { group: plainGroup(columns, groups, scheme.group, scales) };
  checkShape(g_idx, [columns]);
  if (g_idx.dtype !== 'I32') throw wrongPart(g_idx, `is stored as ${g_idx.dtype}`, 'I32');
  const of = new Int32Array((await parts.bytes(g_idx)).buffer);
  const odd = of.find((group) => group < 0 || group >= groups);
  if (odd !== undefined)
    throw wrongPart(g_idx, `holds the group ${odd}`, `0 to ${groups - 1}, a row of ${scales.name} each`);
  const order = Uint16Array.from({ length: columns }, (_, i) => i).sort((a, b) => of[a] - of[b] || a - b);
  const size = of.reduce((count, group) => count + (group === 0 ? 1 : 0), 0);
  const isEven = size > 0 && columns <= 65536 && order.every((column, i) => of[column] === Math.floor(i / size));
  if (!isEven) return { group: Math.ceil(columns / groups), of };
  return order.every((column, i) => column === i) ? { group: size } : { group: size, order };
}

/** Without g_idx. */
export function plainGroup(columns: number, groups: number, configured: number, scales: TensorInfo): number | 'row' {
  if (groups === 1) return 'row';
  if (configured > 0 && Math.ceil(columns / configured) === groups) return configured;
  if (columns % groups === 0) return columns / groups;
  throw wrongPart(scales, `has ${groups} groups for ${columns} inputs`, `⌈${columns} ∕ group_size⌉ groups`);
}
