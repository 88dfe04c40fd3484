/**
 * @file How a file holds a matrix (out, in) in other than one float an element, without its numbers: enough to plan, count
 * and draw. JSON. A kind is a member of {@link Packing}; each table over `kind` (here: bytes, elements, label; `values.ts`:
 * numbers; the export's graph) has one row for it, and the compiler names the row that is missing.
 */
import { bytesPerElement, type DType, type QuantType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';

/**
 * Codes of `bits` bits; each group of consecutive inputs of an output row has a scale, and where zero lies:
 * - `symmetric`: codes are signed, value = code · scale;
 * - `integer`: value = scale · (code − zero), zero a code of as many bits;
 * - `minimum`: value = scale · code + minimum, as GGUF's Q4_1.
 */
export interface Grouped {
  readonly kind: 'grouped';
  readonly bits: Bits;
  /** Inputs that share a scale; the last group of a row may be shorter. `row`: all of them. */
  readonly group: number | 'row';
  readonly zero: 'symmetric' | 'integer' | 'minimum';
  readonly scale: 'F16' | 'F32';
  /** Inputs are stored in an order of their own, a 16-bit index each (GPTQ's act-order without static groups). */
  readonly ordered?: boolean;
}

export type Bits = 2 | 3 | 4 | 8;

/** 8 bits with a float32 scale a row: tables, and weights whose inputs are integers too. */
export const INT8_ROW: Grouped = { kind: 'grouped', bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' };

/** What values are held in that are not codes: the type of the model's own floats. */
export type Floats = 'F16' | 'F32';

/** Values of what is kept, and where they lie: one bit an element, or 2-bit places where 2 of every 4 are kept. */
export interface Sparse {
  readonly kind: 'sparse';
  /** `bitmap` for any mask. `2:4`: two of four consecutive inputs, so that a place needs two bits. */
  readonly places: 'bitmap' | '2:4';
  /** Elements that are kept. */
  readonly kept: number;
  readonly floats: Floats;
}

/** Whole input columns as floats with their 16-bit indices, beside the other columns, packed as `rest` (OWQ). */
export interface Columns {
  readonly kind: 'columns';
  readonly columns: number;
  readonly rest: Grouped;
  readonly floats: Floats;
}

/** up (out, rank) · down (rank, in): instead of the matrix, or added to one packed as `base` (LoRC). */
export interface LowRank {
  readonly kind: 'low_rank';
  readonly rank: number;
  readonly base?: Grouped;
  readonly floats: Floats;
}

/** Blocks of one of GGUF's types, row after row: what every backend decodes, and a GGUF file holds as they are. */
export interface Blocks {
  readonly kind: 'blocks';
  readonly dtype: QuantType;
}

/**
 * Every row, bent to a block of the sizes of `shape`, as a train of cores (r₋₁, size, r) of its own (TensorGPT, arXiv
 * 2307.00526): rows can be read one by one.
 */
export interface TensorTrain {
  readonly kind: 'tensor_train';
  /** Their product is the number of columns. */
  readonly shape: readonly number[];
  /** Between neighbours, one less than sizes. */
  readonly ranks: readonly number[];
  readonly floats: Floats;
}

export type Packing = Grouped | Sparse | Columns | LowRank | Blocks | TensorTrain;
export type PackingKind = Packing['kind'];

/** A row for each kind. */
export type ByKind<Row extends { [K in PackingKind]: unknown }> = Row;
type Of<K extends PackingKind> = Extract<Packing, { kind: K }>;

export function groupSize({ group }: Pick<Grouped, 'group'>, columns: number): number {
  return group === 'row' ? columns : group;
}

export function groupsOf(packing: Pick<Grouped, 'group'>, columns: number): number {
  return Math.ceil(columns / Math.max(1, groupSize(packing, columns)));
}

const SIZE: Readonly<Record<Floats, number>> = { F16: 2, F32: 4 };

const BYTES: { [K in PackingKind]: (rows: number, columns: number, packing: Of<K>) => number } = {
  grouped: groupedBytes,
  sparse: (rows, columns, { kept, places, floats }) =>
    SIZE[floats] * kept + Math.ceil((places === '2:4' ? 2 * kept : rows * columns) / 8),
  columns: (rows, columns, { columns: kept, rest, floats }) =>
    groupedBytes(rows, columns - kept, rest) + kept * (SIZE[floats] * rows + 2),
  low_rank: (rows, columns, { rank, base, floats }) =>
    SIZE[floats] * rank * (rows + columns) + (base ? groupedBytes(rows, columns, base) : 0),
  blocks: (rows, columns, { dtype }) => rows * columns * bytesPerElement(dtype),
  tensor_train: (rows, _columns, packing) => SIZE[packing.floats] * rows * trainLength(packing),
};

/** Numbers of a row's cores. */
export function trainLength({ shape, ranks }: Pick<TensorTrain, 'shape' | 'ranks'>): number {
  return shape.reduce((sum, size, i) => sum + (ranks[i - 1] ?? 1) * size * (ranks[i] ?? 1), 0);
}

/** Codes, scales and zero points are each packed without a gap over the whole matrix. */
function groupedBytes(rows: number, columns: number, packing: Grouped): number {
  const { bits, zero, scale, ordered } = packing;
  const groups = rows * groupsOf(packing, columns);
  const zeros = { symmetric: 0, integer: Math.ceil((groups * bits) / 8), minimum: 2 * groups }[zero];
  const order = ordered ? 2 * columns : 0;
  return Math.ceil((rows * columns * bits) / 8) + groups * (scale === 'F32' ? 4 : 2) + zeros + order;
}

/** Bytes of a packed matrix, exactly. @param shape (out, in). */
export function packedBytes([rows, columns]: Shape, packing: Packing): number {
  return (BYTES[packing.kind] as (rows: number, columns: number, packing: Packing) => number)(rows, columns, packing);
}

/** The same with floats of two bytes, whatever the model at hand has: what methods are compared by. */
export function comparableBytes(shape: Shape, packing: Packing): number {
  return packedBytes(shape, 'floats' in packing ? { ...packing, floats: 'F16' } : packing);
}

const ELEMENTS: { [K in PackingKind]: (rows: number, columns: number, packing: Of<K>) => number } = {
  grouped: (rows, columns) => rows * columns,
  sparse: (_rows, _columns, { kept }) => kept,
  columns: (rows, columns) => rows * columns,
  low_rank: (rows, columns, { rank, base }) => rank * (rows + columns) + (base ? rows * columns : 0),
  blocks: (rows, columns) => rows * columns,
  tensor_train: (rows, _columns, packing) => rows * trainLength(packing),
};

/** Numbers that a packed matrix stores, which is also how many multiplications a token it takes. */
export function packedElements([rows, columns]: Shape, packing: Packing): number {
  return (ELEMENTS[packing.kind] as (rows: number, columns: number, packing: Packing) => number)(
    rows,
    columns,
    packing,
  );
}

/**
 * Multiplications a token of a product with a packed matrix: as many as it stores, but a train's rows have to be rebuilt, which
 * costs more than the product with the matrix.
 */
export function packedMultiplications([rows, columns]: Shape, packing: Packing): number {
  return packing.kind === 'tensor_train' ? rows * columns : packedElements([rows, columns], packing);
}

const LABELS: { [K in PackingKind]: (packing: Of<K>) => string } = {
  grouped: ({ bits, group, ordered }) =>
    `int${bits}${group === 'row' ? ' row' : ` g${group}`}${ordered ? ' ordered' : ''}`,
  sparse: ({ places }) => (places === '2:4' ? '2:4' : 'sparse'),
  columns: ({ rest }) => `${packingLabel(rest)} + columns`,
  low_rank: ({ rank, base }) => `${base ? `${packingLabel(base)} + ` : ''}rank ${rank}`,
  blocks: ({ dtype }) => dtype,
  tensor_train: ({ ranks }) => `tensor train ${ranks.join('-')}`,
};

/** "int4 g32", as sizes and labels show it beside the types of floats. */
export function packingLabel(packing: Packing): string {
  return (LABELS[packing.kind] as (packing: Packing) => string)(packing);
}

/** What `read` of a weight packed so gives: blocks as they are, of everything else the numbers. */
export function packedDType(packing: Packing): DType {
  return packing.kind === 'blocks' ? packing.dtype : 'F32';
}

/** What stands in a weight's outline about its storage: nothing for blocks, whose type is `dtype` itself. */
export function packedStorage(shape: Shape, packing: Packing): { stored?: { dtype: string; bytes: number } } {
  return packing.kind === 'blocks'
    ? {}
    : { stored: { dtype: packingLabel(packing), bytes: packedBytes(shape, packing) } };
}
