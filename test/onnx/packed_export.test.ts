/** ONNX of packed weights, kind by kind, run by onnxruntime-web, against the canonical model that reads their numbers. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { verifySession } from '../../src/engine/verify/session.ts';
import { quantizedModel } from '../../src/export/precision.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { WeightRef } from '../../src/models/decoder_model.ts';
import { mapWeights, weightRoles } from '../../src/models/map_weights.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { memoryFiles } from './memory_files.ts';
import { naiveForward, naiveLoss } from './naive_forward.ts';
import { KINDS, packedModel } from './packings.ts';
import { type TinyWeight, tinyDecoder, tinyTokens, VOCAB_SIZE } from './tiny_decoder.ts';
import { UNSLICED_LAST } from './variants.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 24;

describe('exported ONNX of packed weights', () => {
  it.each(KINDS)('gives the logits of the canonical model: %s', async (_, pack, operators) => {
    const plain = tinyDecoder({ dimensions: UNSLICED_LAST, head: 'tied_projection', kv_heads: 2, dtype: 'F32' });
    const model = await packedModel(plain, pack);
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
