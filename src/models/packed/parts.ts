/**
 * @file The stored parts of a packed matrix, kind by kind: values → byte strings whose lengths add up to `packedBytes`, and
 * back for any range of rows. The scratch store and Whittle's own files hold exactly these.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import { bytesPerElement, type FloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32, encodeFromFloat, F16_LIMIT } from '../../tensor/half.ts';
import { bitRange, packBits, unpackBits } from './bits.ts';
import {
  type Blocks,
  type Columns,
  type Grouped,
  groupsOf,
  type LowRank,
  type Packing,
  type PackingKind,
  type Sparse,
  type TensorTrain,
  trainLength,
} from './packing.ts';
import type {
  BlocksValues,
  ColumnsValues,
  GroupedValues,
  LowRankValues,
  PackedValues,
  SparseValues,
  TensorTrainValues,
} from './values.ts';

/** Parts by name, in the order they are stored in. */
export type PartBytes = ReadonlyMap<string, Uint8Array>;

/** Reads `length` bytes of a part from `start` on. */
export type PartReader = (part: string, start: number, length: number) => Promise<Uint8Array>;

interface Kind<P extends Packing, V extends PackedValues> {
  split(values: V): PartBytes;
  join(packing: P, columns: number, rows: RowRange, read: PartReader): Promise<V>;
}

type Of<K extends PackingKind, T extends { kind: PackingKind } | { packing: Packing }> = Extract<
  T,
  { kind: K } | { packing: { kind: K } }
>;

const KINDS: { [K in PackingKind]: Kind<Of<K, Packing>, Of<K, PackedValues>> } = {
  grouped: { split: splitGrouped, join: joinGrouped },
  sparse: { split: splitSparse, join: joinSparse },
  columns: { split: splitColumns, join: joinColumns },
  low_rank: { split: splitLowRank, join: joinLowRank },
  blocks: { split: ({ blocks }) => new Map([['blocks', blocks]]), join: joinBlocks },
  tensor_train: { split: splitTrain, join: joinTrain },
};

/** Throws `limit_exceeded` for a number that the part's float type cannot hold. */
export function splitParts(values: PackedValues): PartBytes {
  return (KINDS[values.packing.kind] as Kind<Packing, PackedValues>).split(values);
}

/** Values of some rows of a matrix with that many columns. */
export function joinParts(packing: Packing, columns: number, rows: RowRange, read: PartReader): Promise<PackedValues> {
  return (KINDS[packing.kind] as Kind<Packing, PackedValues>).join(packing, columns, rows, read);
}

// ---- grouped: codes, scales, zeros

function splitGrouped({ packing, codes, scales, zeros, order }: GroupedValues): Map<string, Uint8Array> {
  const parts = new Map([
    ['codes', packBits(codes, packing.bits)],
    ['scales', encode(scales, packing.scale, 'a scale')],
  ]);
  if (packing.zero === 'integer') parts.set('zeros', packBits(zeros as Float64Array, packing.bits));
  if (packing.zero === 'minimum') parts.set('zeros', encode(zeros as Float64Array, 'F16', 'a minimum'));
  if (packing.ordered) parts.set('order', new Uint8Array((order as Uint16Array).slice().buffer));
  return parts;
}

async function joinGrouped(
  packing: Grouped,
  columns: number,
  { start, end }: RowRange,
  read: PartReader,
): Promise<GroupedValues> {
  const { bits, zero, scale } = packing;
  const rows = end - start;
  const groups = groupsOf(packing, columns);
  const small = async (part: string, each: number): Promise<Uint8Array> => {
    const range = bitRange(bits, start * each, rows * each);
    return unpackBits(await read(part, range.start, range.length), bits, start * each, rows * each);
  };
  const floats = (part: string, type: FloatType) => readFloats(read, part, type, start * groups, rows * groups);
  const codes = await small('codes', columns);
  const order = packing.ordered ? { order: await readIndices(read, 'order', columns) } : {};
  const values = { packing, rows, columns, codes, scales: await floats('scales', scale), ...order };
  if (zero === 'symmetric') return values;
  const zeros = zero === 'integer' ? Float64Array.from(await small('zeros', groups)) : await floats('zeros', 'F16');
  return { ...values, zeros };
}

// ---- sparse: mask (or places), values; and where each row's values begin, which the mask says already

function splitSparse({ packing, rows, columns, values, mask }: SparseValues): PartBytes {
  const count = mask.reduce((sum, bit) => sum + bit, 0);
  const kept = new Float64Array(count);
  const places = new Uint8Array(count);
  for (let i = 0, next = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    kept[next] = values[i];
    places[next++] = (i % columns) % 4;
  }
  if (count !== packing.kept) {
    throw new WhittleError({
      code: 'internal',
      message: `A mask keeps ${count} of ${rows * columns} weights where ${packing.kept} were planned.`,
    });
  }
  const where = packing.places === '2:4' ? packBits(places, 2) : packBits(mask, 1);
  return new Map([
    ['places', where],
    ['values', encode(kept, packing.floats, 'a weight')],
  ]);
}

async function joinSparse(packing: Sparse, columns: number, rows: RowRange, read: PartReader): Promise<SparseValues> {
  const count = rows.end - rows.start;
  const { mask, before } =
    packing.places === '2:4' ? await fixedMask(columns, rows, read) : await bitMask(columns, rows, read);
  const kept = mask.reduce((sum, bit) => sum + bit, 0);
  const numbers = await readFloats(read, 'values', packing.floats, before, kept);
  const values = new Float64Array(count * columns);
  for (let i = 0, next = 0; i < mask.length; i++) if (mask[i]) values[i] = numbers[next++];
  return { packing: { ...packing, kept }, rows: count, columns, values, mask };
}

/** The rows' bits, and how many values rows before them have. */
async function bitMask(columns: number, { start, end }: RowRange, read: PartReader) {
  const range = bitRange(1, 0, end * columns);
  const all = unpackBits(await read('places', range.start, range.length), 1, 0, end * columns);
  let before = 0;
  for (let i = 0; i < start * columns; i++) before += all[i];
  return { mask: all.subarray(start * columns), before };
}

/** Two of every four; of a shorter last group (4 − n)·… as {@link keptOfGroup} says. */
async function fixedMask(columns: number, { start, end }: RowRange, read: PartReader) {
  const each = keptOfRow(columns, 2, 4);
  const range = bitRange(2, start * each, (end - start) * each);
  const places = unpackBits(await read('places', range.start, range.length), 2, start * each, (end - start) * each);
  const mask = new Uint8Array((end - start) * columns);
  let next = 0;
  for (let row = 0; row < end - start; row++) {
    for (let column = 0; column < columns; column += 4) {
      const kept = keptOfGroup(Math.min(4, columns - column), 2, 4);
      for (let i = 0; i < kept; i++) mask[row * columns + column + places[next++]] = 1;
    }
  }
  return { mask, before: start * each };
}

/** Elements of a group of `size` ≤ m inputs that stay when n of every m go: ⌊n · size / m⌋ go. */
export function keptOfGroup(size: number, n: number, m: number): number {
  return size - Math.floor((n * size) / m);
}

export function keptOfRow(columns: number, n: number, m: number): number {
  const whole = Math.floor(columns / m);
  return whole * (m - n) + keptOfGroup(columns - whole * m, n, m);
}

// ---- columns: indices, kept, and the parts of the rest

function splitColumns({ packing, indices, kept, rest }: ColumnsValues): PartBytes {
  return new Map([
    ['indices', new Uint8Array(Uint16Array.from(indices).buffer)],
    ['kept', encode(kept, packing.floats, 'a kept weight')],
    ...splitGrouped(rest),
  ]);
}

async function joinColumns(
  packing: Columns,
  columns: number,
  rows: RowRange,
  read: PartReader,
): Promise<ColumnsValues> {
  const { columns: count, rest, floats } = packing;
  return {
    packing,
    rows: rows.end - rows.start,
    columns,
    indices: await readIndices(read, 'indices', count),
    kept: await readFloats(read, 'kept', floats, rows.start * count, (rows.end - rows.start) * count),
    rest: await joinGrouped(rest, columns - count, rows, read),
  };
}

// ---- low rank: up, down, and the parts of what it is added to

function splitLowRank({ packing, up, down, base }: LowRankValues): PartBytes {
  return new Map([
    ['up', encode(up, packing.floats, 'a factor')],
    ['down', encode(down, packing.floats, 'a factor')],
    ...(base ? splitGrouped(base) : []),
  ]);
}

async function joinLowRank(
  packing: LowRank,
  columns: number,
  rows: RowRange,
  read: PartReader,
): Promise<LowRankValues> {
  const { rank, base, floats } = packing;
  const count = rows.end - rows.start;
  return {
    packing,
    rows: count,
    columns,
    up: await readFloats(read, 'up', floats, rows.start * rank, count * rank),
    down: await readFloats(read, 'down', floats, 0, rank * columns),
    ...(base && { base: await joinGrouped(base, columns, rows, read) }),
  };
}

// ---- blocks: whole rows of them

async function joinBlocks(packing: Blocks, columns: number, rows: RowRange, read: PartReader): Promise<BlocksValues> {
  const row = columns * bytesPerElement(packing.dtype);
  const count = rows.end - rows.start;
  return { packing, rows: count, columns, blocks: await read('blocks', rows.start * row, count * row) };
}

// ---- tensor train: the cores of each row, one row after the other

function splitTrain({ packing, cores }: TensorTrainValues): PartBytes {
  return new Map([['cores', encode(cores, packing.floats, 'a core')]]);
}

async function joinTrain(
  packing: TensorTrain,
  columns: number,
  { start, end }: RowRange,
  read: PartReader,
): Promise<TensorTrainValues> {
  const length = trainLength(packing);
  const cores = await readFloats(read, 'cores', packing.floats, start * length, (end - start) * length);
  return { packing, rows: end - start, columns, cores };
}

/** 16-bit indices of inputs. */
async function readIndices(read: PartReader, part: string, count: number): Promise<Uint16Array> {
  return new Uint16Array((await read(part, 0, 2 * count)).slice().buffer, 0, count);
}

// ---- numbers of a float type

const SIZES: Record<FloatType, number> = { F32: 4, F16: 2, BF16: 2 };

async function readFloats(
  read: PartReader,
  part: string,
  type: FloatType,
  first: number,
  count: number,
): Promise<Float64Array> {
  const size = SIZES[type];
  return Float64Array.from(decodeToFloat32(await read(part, first * size, count * size), type));
}

function encode(values: ArrayLike<number>, type: FloatType, what: string): Uint8Array {
  const limit = type === 'F32' ? 3.4028235677973366e38 : F16_LIMIT;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) < limit) continue;
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `To pack this matrix ${what} would have to be ${values[i]}.`,
      allowed: `finite numbers below ${limit} (${type})`,
      action:
        'Leave this matrix as it is, or look for the outlier in the checkpoint: a weight of that size is rarely meant.',
    });
  }
  return encodeFromFloat(values, type);
}
