/** Packings of every kind for small matrices, and what ONNX writes of each. */
import { nearestValues } from '../../src/compress/solvers/packed_values.ts';
import type { DecoderModel, WeightRef } from '../../src/models/decoder_model.ts';
import { mapWeights, weightRoles } from '../../src/models/map_weights.ts';
import type { Grouped } from '../../src/models/packed/packing.ts';
import { storePacked } from '../../src/models/packed/store.ts';
import type { PackedValues } from '../../src/models/packed/values.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { decodeStored } from '../../src/tensor/decode.ts';

export type Pack = (W: Float64Array, rows: number, columns: number) => PackedValues;

function integers(packing: Partial<Grouped> = {}): Pack {
  const grid: Grouped = { kind: 'grouped', bits: 4, group: 16, zero: 'integer', scale: 'F16', ...packing };
  return (W, rows, columns) => nearestValues(W, rows, columns, grid);
}

const INTEGERS: Grouped = { kind: 'grouped', bits: 4, group: 16, zero: 'integer', scale: 'F16' };

/** Inputs from the last to the first. */
const ordered: Pack = (W, rows, count) => {
  const order = Uint16Array.from({ length: count }, (_, i) => count - 1 - i);
  const turned = W.map((_, i) => W[i - (i % count) + order[i % count]]);
  const packing = { ...INTEGERS, ordered: true };
  return { ...nearestValues(turned, rows, count, INTEGERS), packing, order };
};

const columns: Pack = (W, rows, count) => {
  const indices = Uint16Array.of(0, 5);
  const pick = (at: readonly number[]) =>
    Float64Array.from({ length: rows * at.length }, (_, i) => W[Math.floor(i / at.length) * count + at[i % at.length]]);
  const others = Array.from({ length: count }, (_, i) => i).filter((i) => i !== 0 && i !== 5);
  return {
    packing: { kind: 'columns', columns: 2, rest: INTEGERS, floats: 'F32' },
    ...{ rows, columns: count, indices, kept: pick([0, 5]) },
    rest: nearestValues(pick(others), rows, count - 2, INTEGERS),
  };
};

function lowRank(base?: Grouped): Pack {
  return (W, rows, count) => ({
    packing: { kind: 'low_rank', rank: 2, ...(base && { base }), floats: 'F32' },
    ...{ rows, columns: count, up: W.slice(0, rows * 2), down: W.slice(-2 * count) },
    ...(base && { base: nearestValues(W, rows, count, base) }),
  });
}

const sparse: Pack = (W, rows, count) => {
  const mask = Uint8Array.from(W, (_, i) => i % 2);
  const kept = mask.reduce((sum, bit) => sum + bit, 0);
  const values = W.map((value, i) => (mask[i] ? value : 0));
  return { packing: { kind: 'sparse', places: 'bitmap', kept, floats: 'F32' }, rows, columns: count, values, mask };
};

/** A train of one block: its numbers, and a factor of 1. */
const train: Pack = (W, rows, count) => ({
  packing: { kind: 'tensor_train', shape: [count, 1], ranks: [1], floats: 'F32' },
  ...{ rows, columns: count },
  cores: Float64Array.from({ length: rows * (count + 1) }, (_, i) =>
    i % (count + 1) === count ? 1 : W[Math.floor(i / (count + 1)) * count + (i % (count + 1))],
  ),
});

export const KINDS: readonly [name: string, pack: Pack, operators: readonly string[]][] = [
  ['int4 g16', integers(), ['MatMulNBits']],
  ['int3 g16', integers({ bits: 3 }), ['MatMulNBits']],
  ['int2 g32, longer than a row or not', integers({ bits: 2, group: 32 }), ['MatMulNBits']],
  ['int8 row, symmetric', integers({ bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' }), ['MatMulNBits']],
  ['int4 with minimums', integers({ zero: 'minimum' }), ['MatMulNBits']],
  ['int4 g24, which MatMulNBits lacks', integers({ group: 24 }), []],
  ['int4 g16 in an order of its inputs', ordered, ['MatMulNBits', 'Gather']],
  ['kept columns', columns, ['MatMulNBits', 'Gather']],
  ['low rank', lowRank(), []],
  ['low rank beside integers', lowRank(INTEGERS), ['MatMulNBits']],
  ['sparse', sparse, []],
  ['tensor train', train, []],
];

/** The model with its linears and its head packed. */
export async function packedModel(plain: DecoderModel, pack: Pack): Promise<DecoderModel> {
  const packed = new Map<WeightRef, WeightRef>();
  for (const [weight, role] of weightRoles(plain)) {
    if (role !== 'linear' && role !== 'head') continue;
    const [rows, count] = weight.shape;
    const W = Float64Array.from(decodeStored(await weight.read(), weight.dtype));
    packed.set(weight, await storePacked(memoryScratch(), weight.name, pack(W, rows, count)));
  }
  return mapWeights(plain, (weight) => packed.get(weight) ?? weight);
}
