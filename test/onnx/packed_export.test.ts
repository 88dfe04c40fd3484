/** ONNX of packed weights, kind by kind, run by onnxruntime-web, against the canonical model that reads their numbers. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { nearestValues } from '../../src/compress/solvers/packed_values.ts';
import { verifySession } from '../../src/engine/verify/session.ts';
import { quantizedModel } from '../../src/export/precision.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { WeightRef } from '../../src/models/decoder_model.ts';
import { mapWeights, weightRoles } from '../../src/models/map_weights.ts';
import type { Grouped } from '../../src/models/packed/packing.ts';
import { storePacked } from '../../src/models/packed/store.ts';
import type { PackedValues } from '../../src/models/packed/values.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { memoryFiles } from './memory_files.ts';
import { naiveForward, naiveLoss } from './naive_forward.ts';
import { type TinyWeight, tinyDecoder, tinyTokens, VOCAB_SIZE } from './tiny_decoder.ts';
import { UNSLICED_LAST } from './variants.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 24;

type Pack = (W: Float64Array, rows: number, columns: number) => PackedValues;

function integers(packing: Partial<Grouped> = {}): Pack {
  const grid: Grouped = { kind: 'grouped', bits: 4, group: 16, zero: 'integer', scale: 'F16', ...packing };
  return (W, rows, columns) => nearestValues(W, rows, columns, grid);
}

const INTEGERS: Grouped = { kind: 'grouped', bits: 4, group: 16, zero: 'integer', scale: 'F16' };

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

const KINDS: readonly [name: string, pack: Pack, operators: readonly string[]][] = [
  ['int4 g16', integers(), ['MatMulNBits']],
  ['int3 g16', integers({ bits: 3 }), ['MatMulNBits']],
  ['int2 g32, longer than a row or not', integers({ bits: 2, group: 32 }), ['MatMulNBits']],
  ['int8 row, symmetric', integers({ bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' }), ['MatMulNBits']],
  ['int4 with minimums', integers({ zero: 'minimum' }), ['MatMulNBits']],
  ['int4 g24, which MatMulNBits lacks', integers({ group: 24 }), []],
  ['kept columns', columns, ['MatMulNBits', 'Gather']],
  ['low rank', lowRank(), []],
  ['low rank beside integers', lowRank(INTEGERS), ['MatMulNBits']],
  ['sparse', sparse, []],
  ['tensor train', train, []],
];

describe('exported ONNX of packed weights', () => {
  it.each(KINDS)('gives the logits of the canonical model: %s', async (_, pack, operators) => {
    const plain = tinyDecoder({ dimensions: UNSLICED_LAST, head: 'tied_projection', kv_heads: 2, dtype: 'F32' });
    const packed = new Map<WeightRef, WeightRef>();
    for (const [weight, role] of weightRoles(plain)) {
      if (role !== 'linear' && role !== 'head') continue;
      const [rows, count] = weight.shape;
      const W = Float64Array.from(decodeStored(await weight.read(), weight.dtype));
      packed.set(weight, await storePacked(memoryScratch(), weight.name, pack(W, rows, count)));
    }
    const model = mapWeights(plain, (weight) => packed.get(weight) ?? weight);
    // What the file holds, floats in place of what it cannot hold smaller; the judge has numbers beside the bytes.
    const filed = await quantizedModel(model, 'stored', { keepPacked: true });
    const known = new Map<WeightRef, WeightRef>();
    for (const weight of weightRoles(filed).keys()) {
      const values = Float64Array.from(decodeStored(await weight.read(), weight.dtype));
      known.set(weight, { ...weight, values } as TinyWeight);
    }
    const numbers = mapWeights(filed, (weight) => known.get(weight) as WeightRef);
    const ids = tinyTokens(SEQLEN);
    const files = memoryFiles();
    await writeOnnx(model, { external_data: 'auto', metadata: {} }, files.openFile);
    const written = files.names().map((name) => ({ name, file: new Blob([files.bytes(name)]) }));
    const text = new TextDecoder('latin1').decode(files.bytes('model.onnx'));
    for (const operator of ['MatMulNBits', 'Gather']) {
      if (operators.includes(operator)) expect(text).toContain(operator);
    }
    const result = await verifySession(ort, written, { seqlen: SEQLEN, count: 1, ids, totalTokens: SEQLEN }, {});
    const expected = naiveForward(numbers, ids);
    expect(Math.abs(result.window_losses[0] - naiveLoss(expected, ids))).toBeLessThan(2e-5);
    const flat = expected.flatMap((row) => [...row]);
    expect(result.first_logits.length).toBe(SEQLEN * VOCAB_SIZE);
    const worst = flat.reduce((max, value, i) => Math.max(max, Math.abs(value - result.first_logits[i])), 0);
    expect(worst).toBeLessThan(1e-4);
  });
});
