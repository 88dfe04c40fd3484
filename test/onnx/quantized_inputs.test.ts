/** ONNX of linears that round what they read, run by onnxruntime-web, against the runtime. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { nearestValues } from '../../src/compress/solvers/packed_values.ts';
import { clusterGrid } from '../../src/compress/solvers/rptq.ts';
import { verifySession } from '../../src/engine/verify/session.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { DecoderModel, Linear, WeightRef } from '../../src/models/decoder_model.ts';
import { type InputQuantization, withoutInputs } from '../../src/models/input_quantization.ts';
import { mapWeights, weightRoles } from '../../src/models/map_weights.ts';
import { type Grouped, INT8_ROW } from '../../src/models/packed/packing.ts';
import { storePacked } from '../../src/models/packed/store.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { memoryFiles } from './memory_files.ts';
import { tinyDecoder, tinyTokens } from './tiny_decoder.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 24;
const INT4: Grouped = { kind: 'grouped', bits: 4, group: 16, zero: 'integer', scale: 'F16' };

/** Ranges that grow with the feature. */
function clusters(columns: number): InputQuantization {
  const range = Float64Array.from({ length: columns }, (_, i) => 1.5 + i / columns);
  const grid = clusterGrid(
    range.map((x) => -x),
    range,
    3,
    4,
  );
  return { kind: 'clusters', bits: 4, clusters: 3, grid };
}

const CASES: readonly [name: string, Grouped, (columns: number) => InputQuantization, operator: string][] = [
  ['int8 by int8', INT8_ROW, () => ({ kind: 'token', bits: 8 }), 'MatMulInteger'],
  ['4 bits a token', INT4, () => ({ kind: 'token', bits: 4 }), 'MatMulNBits'],
  ['outliers as floats', INT8_ROW, () => ({ kind: 'token', bits: 4, keep_above: 1.2 }), 'GreaterOrEqual'],
  ['clusters', INT4, clusters, 'Clip'],
];

async function quantised(packing: Grouped, inputOf: (columns: number) => InputQuantization): Promise<DecoderModel> {
  const plain = tinyDecoder({ head: 'untied', kv_heads: 2, dtype: 'F32', biases: true });
  const packed = new Map<WeightRef, WeightRef>();
  for (const [weight, role] of weightRoles(plain)) {
    if (role !== 'linear') continue;
    const [rows, columns] = weight.shape;
    const W = Float64Array.from(decodeStored(await weight.read(), weight.dtype));
    packed.set(weight, await storePacked(memoryScratch(), weight.name, nearestValues(W, rows, columns, packing)));
  }
  const model = mapWeights(plain, (weight) => packed.get(weight) ?? weight);
  const linear = (from: Linear): Linear => ({ ...from, input: inputOf(from.weight.shape[1]) });
  const each = <T extends object>(part: T): T =>
    Object.fromEntries(
      Object.entries(part).map(([key, value]) => [key, key.endsWith('_proj') && value ? linear(value) : value]),
    ) as T;
  const layers = model.layers.map((layer) => ({ ...layer, attention: each(layer.attention), mlp: each(layer.mlp) }));
  return { ...model, layers };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

describe('exported ONNX of rounded inputs', () => {
  it.each(CASES)('gives the logits of the runtime: %s', async (_, packing, inputOf, operator) => {
    const model = await quantised(packing, inputOf);
    const ids = tinyTokens(SEQLEN);
    const windows = { seqlen: SEQLEN, count: 1, ids, totalTokens: SEQLEN };
    const backend = createCpuBackend();
    const expected = await firstWindowLogits(backend, model, windows);
    const unrounded = await firstWindowLogits(backend, withoutInputs(model), windows);
    const files = memoryFiles();
    await writeOnnx(model, { external_data: 'auto', metadata: {} }, files.openFile);
    const written = files.names().map((name) => ({ name, file: new Blob([files.bytes(name)]) }));
    expect(new TextDecoder('latin1').decode(files.bytes('model.onnx'))).toContain(operator);
    const result = await verifySession(ort, written, windows, {});
    expect(result.first_logits.length).toBe(expected.length);
    // The last digit of f32 decides a rounding here and there; what rounding changes at all is far more.
    expect(worst(result.first_logits, expected)).toBeLessThan(1e-4);
    expect(worst(unrounded, expected)).toBeGreaterThan(5e-3);
  });
});
