/**
 * @file A packed weight as the pieces that ONNX's operators take, kind by kind. What they cannot hold smaller is written as
 * dense floats; `onnxNote` says so beforehand.
 */
import type { RowRange } from '../../formats/checkpoint.ts';
import {
  type Linear,
  type ModelOutline,
  storedWeights,
  type WeightOutline,
  type WeightRef,
} from '../../models/decoder_model.ts';
import { inputLabel, linearsOf } from '../../models/input_quantization.ts';
import { otherColumns } from '../../models/packed/dense.ts';
import { type Floats, type Grouped, groupsOf, type Packing, type PackingKind } from '../../models/packed/packing.ts';
import type { ColumnsValues, GroupedValues, LowRankValues, PackedValues } from '../../models/packed/values.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import type { QuantizedRef } from '../quantize/quantized_ref.ts';
import { blockSizeOf, GroupedMatrix } from './grouped_matrix.ts';

/** Codes times scales, by MatMulNBits, and where the grid has float minimums their part: (sums of groups of x) · minimumsᵀ. */
export interface IntegerPieces {
  readonly kind: 'integers';
  readonly codes: QuantizedRef;
  readonly minimums?: { readonly weight: WeightRef; readonly group: number };
}

/** x·downᵀ·upᵀ, and what it is added to. */
export interface LowRankPieces {
  readonly kind: 'low_rank';
  readonly up: WeightRef;
  readonly down: WeightRef;
  readonly base?: IntegerPieces;
}

/** Products with some of x's columns each, added. */
export interface ColumnsPieces {
  readonly kind: 'columns';
  readonly indices: readonly number[];
  readonly others: readonly number[];
  readonly kept: WeightRef;
  readonly rest: IntegerPieces;
}

export type Pieces = IntegerPieces | LowRankPieces | ColumnsPieces;

/** A weight that the graph writes by its pieces; `read` still gives its numbers. */
export interface PiecedRef extends WeightRef {
  readonly pieces: Pieces;
}

export function isPieced(ref: WeightRef): ref is PiecedRef {
  return 'pieces' in ref;
}

/** Of a packed linear; undefined where ONNX has only dense floats for it. */
export async function piecesForOnnx(ref: WeightRef): Promise<QuantizedRef | PiecedRef | undefined> {
  const { packed } = ref;
  if (!packed) return undefined;
  const pieces = await PIECES[packed.kind](ref, packed as never);
  if (!pieces) return undefined;
  // Plain integers are what the exports of other precisions have, too: for them tables are written as well.
  if (pieces.kind === 'integers' && !pieces.minimums) return { ...ref, quantized: pieces.codes.quantized };
  return { ...ref, pieces };
}

/** Of a table: rows are gathered from plain integers alone. */
export async function tableForOnnx(ref: WeightRef): Promise<QuantizedRef | undefined> {
  const made = await piecesForOnnx(ref);
  return made && 'quantized' in made ? made : undefined;
}

const PIECES: {
  [K in PackingKind]: (ref: WeightRef, packing: Extract<Packing, { kind: K }>) => Promise<Pieces | undefined>;
} = {
  grouped: async (ref, packing) => {
    const pieces = integers(ref, packing, ref.shape[1], (values) => values as GroupedValues);
    if (!packing.ordered || !pieces) return pieces;
    // Inputs in the order of the codes, and none kept aside.
    const some = (await ref.unpack?.({ start: 0, end: 1 })) as GroupedValues | undefined;
    if (!some?.order) return undefined;
    const kept = piece(ref, 'kept', [ref.shape[0], 0], 'F32', () => new Float64Array());
    return { kind: 'columns', indices: [], others: [...some.order], kept, rest: pieces };
  },
  // Other grids than MatMulNBits'.
  blocks: async () => undefined,
  // ONNX Runtime's web builds multiply no sparse matrices.
  sparse: async () => undefined,
  // Rows would be gathered core by core; a head has no product for it at all.
  tensor_train: async () => undefined,
  columns: async (ref, { columns, rest, floats }) => {
    const pieces = integers(ref, rest, ref.shape[1] - columns, (values) => (values as ColumnsValues).rest);
    const some = (await ref.unpack?.({ start: 0, end: 1 })) as ColumnsValues | undefined;
    if (!pieces || !some) return undefined;
    const indices = [...some.indices];
    const others = [...otherColumns(some.indices, ref.shape[1])];
    const kept = piece(ref, 'kept', [ref.shape[0], columns], floats, (values) => (values as ColumnsValues).kept);
    return { kind: 'columns', indices, others, kept, rest: pieces };
  },
  low_rank: async (ref, { rank, base, floats }) => {
    const [rows, columns] = ref.shape;
    const pieces = base && integers(ref, base, columns, (values) => (values as LowRankValues).base as GroupedValues);
    if (base && !pieces) return undefined;
    const up = piece(ref, 'up', [rows, rank], floats, (values) => (values as LowRankValues).up);
    const down: WeightRef = {
      ...piece(ref, 'down', [rank, columns], floats, () => new Float64Array()),
      async read({ start, end } = { start: 0, end: rank }) {
        const values = (await ref.unpack?.({ start: 0, end: 0 })) as LowRankValues;
        return encodeFromFloat(values.down.subarray(start * columns, end * columns), floats);
      },
    };
    return { kind: 'low_rank', up, down, ...(pieces && { base: pieces }) };
  },
};

function integers(
  ref: WeightRef,
  packing: Grouped,
  columns: number,
  part: (values: PackedValues) => GroupedValues,
): IntegerPieces | undefined {
  const block_size = blockSizeOf(packing, columns);
  if (block_size === undefined) return undefined;
  const [rows] = ref.shape;
  const quantized = new GroupedMatrix(ref, packing, rows, columns, block_size, part);
  const codes: QuantizedRef = { ...ref, shape: [rows, columns], quantized };
  if (packing.zero !== 'minimum') return { kind: 'integers', codes };
  const groups = groupsOf(packing, columns);
  const weight = piece(ref, 'minimums', [rows, groups], 'F16', (values) => part(values).zeros as Float64Array);
  return { kind: 'integers', codes, minimums: { weight, group: packing.group === 'row' ? columns : packing.group } };
}

/** Floats of a packed weight as a weight of their own, read row by row with it. */
function piece(
  ref: WeightRef,
  name: string,
  shape: readonly [number, number],
  dtype: Floats,
  of: (values: PackedValues) => Float64Array,
): WeightRef {
  return {
    name: `${ref.name}.${name}`,
    shape,
    dtype,
    read: async (rows: RowRange = { start: 0, end: shape[0] }) =>
      encodeFromFloat(of((await ref.unpack?.(rows)) as PackedValues), dtype),
  };
}

/** What an ONNX file holds in more bytes than the packing has, for people; undefined where it is as small. */
export function onnxNote(packing: Packing, columns: number): string | undefined {
  if (packing.kind === 'sparse') {
    return 'Pruned weights are written with their zeros: ONNX Runtime has no products of sparse matrices, so the file is not smaller for them.';
  }
  if (packing.kind === 'blocks') {
    return `Weights in blocks of ${packing.dtype} are written as floats: that type is GGUF's own.`;
  }
  if (packing.kind === 'tensor_train') {
    return 'Tensor trains are written as the tables that they stand for: ONNX Runtime cannot multiply by them, so the file is not smaller for them.';
  }
  const integersOf = packing.kind === 'grouped' ? packing : packing.kind === 'columns' ? packing.rest : packing.base;
  if (!integersOf) return undefined;
  if (blockSizeOf(integersOf, columns) === undefined) {
    return `Groups of ${integersOf.group} inputs are written as floats: MatMulNBits takes multiples of 16.`;
  }
  return integersOf.bits === 3 ? 'Weights of 3 bits take 4 in the file: MatMulNBits has 2, 4 and 8.' : undefined;
}

/** {@link onnxNote} of all packings of a model, each once. */
export function packingNotes(model: ModelOutline): string[] {
  const notes = storedWeights(model).flatMap(({ packed, shape }) => (packed ? (onnxNote(packed, shape[1]) ?? []) : []));
  return [...new Set(notes)];
}

/** Whether codes are multiplied by codes: 8 bits on both sides, a scale a token and a scale a row. */
export function isIntegerProduct({ weight, input }: Linear<WeightOutline>): boolean {
  const { packed } = weight;
  if (input?.kind !== 'token' || input.keep_above !== undefined || input.bits !== 8 || packed?.kind !== 'grouped')
    return false;
  return packed.bits === 8 && packed.zero === 'symmetric' && groupsOf(packed, weight.shape[1]) === 1 && !packed.ordered;
}

/** What an ONNX file does with inputs that are rounded and not multiplied as integers, each way once. */
export function inputNotes(model: ModelOutline): string[] {
  const notes = model.layers.flatMap(linearsOf).flatMap((linear) => {
    if (!linear.input || isIntegerProduct(linear)) return [];
    return `Inputs (${inputLabel(linear.input)}) are rounded in the graph and multiplied as floats: ONNX Runtime has no product of such codes, so the file computes what the run does and is not faster for it.`;
  });
  return [...new Set(notes)];
}
