/**
 * @file Weights that are part of a stored tensor, or stored in another order: rows of a fused projection, rows in
 * another sequence, a transposed matrix; and parts put together again. Each is a {@link WeightRef} of its own that reads
 * what it needs, and {@link viewOf} tells how it was made.
 */
import type { RowRange } from '../formats/checkpoint.ts';
import { decodeStored } from '../tensor/decode.ts';
import { bytesPerElement, type DType, isFloatType } from '../tensor/dtype.ts';
import { encodeFromFloat } from '../tensor/half.ts';
import { elementCount } from '../tensor/shape.ts';
import type { WeightRef } from './decoder_model.ts';
import { originOf, setOrigin } from './record/origin.ts';

/** How a view was made of another weight: what a writer turns round to store the weight as its family does. */
export type View =
  /** Row i is row `source(i)` of the other. */
  | { readonly of: WeightRef; readonly kind: 'rows'; readonly source: (row: number) => number }
  | { readonly of: WeightRef; readonly kind: 'transposed' };

const views = new WeakMap<WeightRef, View>();

/** Undefined for a weight that is stored as it is, or that was changed since it was one. */
export function viewOf(ref: WeightRef): View | undefined {
  return views.get(ref);
}

/** The same weight under another name. */
export function renamed(ref: WeightRef, name: string): WeightRef {
  const made = { ...ref, name };
  const view = views.get(ref);
  if (view) views.set(made, view);
  const origin = originOf(ref);
  return origin ? setOrigin(made, origin) : made;
}

function rowBytes({ shape, dtype }: WeightRef): number {
  return (elementCount(shape) / (shape[0] || 1)) * bytesPerElement(dtype);
}

/** Share of what the file holds, for a view of `rows` rows. */
function storedShare(ref: WeightRef, rows: number): Pick<WeightRef, 'stored'> {
  if (!ref.stored) return {};
  return { stored: { dtype: ref.stored.dtype, bytes: (ref.stored.bytes * rows) / (ref.shape[0] || 1) } };
}

/** Rows `start … end` of a weight: one projection of a fused matrix, or of its bias. */
export function rowsOf(ref: WeightRef, start: number, end: number, name: string): WeightRef {
  const view: WeightRef = {
    name,
    dtype: ref.dtype,
    shape: [end - start, ...ref.shape.slice(1)],
    ...storedShare(ref, end - start),
    read: (rows = { start: 0, end: end - start }) => ref.read({ start: start + rows.start, end: start + rows.end }),
  };
  views.set(view, { of: ref, kind: 'rows', source: (row) => start + row });
  return view;
}

/**
 * Rows of a weight in another order: row i is row `source(i)` of the stored tensor, `count` rows in all. Runs of
 * consecutive rows are read at once.
 */
export function gatherRows(ref: WeightRef, count: number, source: (row: number) => number, name: string): WeightRef {
  const bytes = rowBytes(ref);
  const view: WeightRef = {
    name,
    dtype: ref.dtype,
    shape: [count, ...ref.shape.slice(1)],
    ...storedShare(ref, count),
    async read(rows: RowRange = { start: 0, end: count }) {
      const out = new Uint8Array((rows.end - rows.start) * bytes);
      // A row wanted here may lie anywhere in the tensor, but all of them together in one stretch, mostly.
      const wanted = Array.from({ length: rows.end - rows.start }, (_, i) => source(rows.start + i));
      for (let first = 0; first < wanted.length; ) {
        let last = first;
        while (last + 1 < wanted.length && wanted[last + 1] === wanted[last] + 1) last++;
        const block = await ref.read({ start: wanted[first], end: wanted[last] + 1 });
        out.set(block, first * bytes);
        first = last + 1;
      }
      return out;
    },
  };
  views.set(view, { of: ref, kind: 'rows', source });
  return view;
}

/** A part of a {@link mergedRows}: its row i is row `target(i)` of the whole. */
export interface MergedPart {
  readonly ref: WeightRef;
  readonly target: (row: number) => number;
}

const merged = new WeakMap<WeightRef, readonly MergedPart[]>();

/** Of which weights a {@link mergedRows} was made. */
export function partsOf(ref: WeightRef): readonly MergedPart[] | undefined {
  return merged.get(ref);
}

/**
 * The other way round: one weight whose rows are those of several; F32 where their types differ. Throws `RangeError` where
 * two parts have the same row, or a row belongs to none.
 */
export function mergedRows(parts: readonly MergedPart[], name: string): WeightRef {
  const [{ ref: first }] = parts;
  const refs = parts.map(({ ref }) => ref);
  const alike = refs.every(({ dtype }) => dtype === first.dtype) ? refs : refs.map((ref) => asFloatType(ref, 'F32'));
  const count = refs.reduce((sum, { shape }) => sum + shape[0], 0);
  const owner = new Int32Array(count).fill(-1);
  const row_of = new Int32Array(count);
  for (const [part, { ref, target }] of parts.entries()) {
    for (let row = 0; row < ref.shape[0]; row++) {
      const at = target(row);
      if (owner[at] !== -1) throw new RangeError(`${name}: row ${at} of ${count} is no row of one part`);
      owner[at] = part;
      row_of[at] = row;
    }
  }
  const bytes = rowBytes(alike[0]);
  const whole: WeightRef = {
    name,
    dtype: alike[0].dtype,
    shape: [count, ...first.shape.slice(1)],
    async read({ start, end }: RowRange = { start: 0, end: count }) {
      const out = new Uint8Array((end - start) * bytes);
      for (let from = start; from < end; ) {
        let last = from;
        while (last + 1 < end && owner[last + 1] === owner[from] && row_of[last + 1] === row_of[last] + 1) last++;
        const block = await alike[owner[from]].read({ start: row_of[from], end: row_of[last] + 1 });
        out.set(block, (from - start) * bytes);
        from = last + 1;
      }
      return out;
    },
  };
  merged.set(whole, parts);
  return whole;
}

/** The matrix that was turned last, until its last row is read: one at most, however many views there are. */
let turned: { view: object; bytes: Promise<Uint8Array> } | undefined;

/**
 * A matrix stored as (in, out), as (out, in): GPT-2's Conv1D, and the weights of an ONNX MatMul. Reads it whole, once for
 * rows that are asked for in blocks up to the last.
 */
export function transposedRef(ref: WeightRef, name: string): WeightRef {
  const [rows, columns] = ref.shape;
  if (!isFloatType(ref.dtype))
    throw new RangeError(`${ref.name}: a ${ref.dtype} matrix cannot be transposed as stored`);
  const view: WeightRef = {
    name,
    dtype: ref.dtype,
    shape: [columns, rows],
    ...(ref.stored && { stored: ref.stored }),
    async read({ start, end }: RowRange = { start: 0, end: columns }) {
      if (turned?.view !== view) {
        const bytes = readTurned(ref);
        // Other matrices that are read whole leave the one that is read in blocks where it is.
        if (start === 0 && end === columns) return bytes;
        turned = { view, bytes };
      }
      const { bytes } = turned;
      if (end === columns) turned = undefined;
      const rowBytes = rows * bytesPerElement(ref.dtype);
      try {
        return (await bytes).slice(start * rowBytes, end * rowBytes);
      } catch (cause) {
        turned = undefined;
        throw cause;
      }
    },
  };
  views.set(view, { of: ref, kind: 'transposed' });
  return view;
}

async function readTurned(ref: WeightRef): Promise<Uint8Array> {
  const [rows, columns] = ref.shape;
  const size = bytesPerElement(ref.dtype);
  const bytes = await ref.read();
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const View = size === 2 ? Uint16Array : Uint32Array;
  const source = new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, rows * columns);
  const out = new View(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    for (let i = 0; i < columns; i++) out[i * rows + row] = source[from + i];
  }
  return new Uint8Array(out.buffer);
}

/** The same numbers in a float type: what an export stores of a block-quantised weight. Reads row by row as asked. */
export function asFloatType(ref: WeightRef, dtype: DType & ('F32' | 'F16' | 'BF16')): WeightRef {
  if (ref.dtype === dtype && !ref.stored) return ref;
  const made: WeightRef = {
    name: ref.name,
    dtype,
    shape: ref.shape,
    read: async (rows) => converted(await ref.read(rows), ref.dtype, dtype),
  };
  return setOrigin(made, { kind: 'float', of: ref, dtype });
}

/** Numbers between two types, of conversions of at most as many: pages of a new array cost half of what converting does. */
const BETWEEN = 2 ** 21;
let between: Float32Array | undefined;

function converted(bytes: Uint8Array, from: DType, to: DType & ('F32' | 'F16' | 'BF16')): Uint8Array<ArrayBuffer> {
  const count = bytes.byteLength / bytesPerElement(from);
  if (to === 'F32' || !Number.isInteger(count) || count > BETWEEN)
    return encodeFromFloat(decodeStored(bytes, from), to);
  between ??= new Float32Array(BETWEEN);
  return encodeFromFloat(decodeStored(bytes, from, between.subarray(0, count)), to);
}
