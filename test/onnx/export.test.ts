import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { verifySession } from '../../src/engine/verify/session.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import type { TokenWindows } from '../../src/runtime/windows.ts';
import { memoryFiles } from './memory_files.ts';
import { naiveForward, naiveLoss } from './naive_forward.ts';
import { tinyDecoder, tinyTokens, VOCAB_SIZE } from './tiny_decoder.ts';
import { ODD, VARIANTS } from './variants.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 24;

function tokenWindows(count: number): TokenWindows {
  const ids = tinyTokens(count * SEQLEN);
  return { seqlen: SEQLEN, count, ids, totalTokens: ids.length };
}

async function exported(model: DecoderModel, external_data: 'auto' | 'always') {
  const files = memoryFiles();
  const written = await writeOnnx(model, { external_data, metadata: { 'whittle.test': 'yes' } }, files.openFile);
  return {
    written,
    files: files.names().map((name) => ({ name, file: new Blob([files.bytes(name)]) })),
    stored: files,
  };
}

describe('exported ONNX in onnxruntime-web', () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    it(`gives the logits and losses of the canonical model: ${name}`, async () => {
      const model = tinyDecoder(options);
      const windows = tokenWindows(2);
      const { files, written } = await exported(model, 'auto');
      expect(written.files.map((file) => file.name)).toEqual(['model.onnx']);
      const reported: number[] = [];
      const result = await verifySession(ort, files, windows, { onWindow: (_, loss) => reported.push(loss) });

      for (let index = 0; index < windows.count; index++) {
        const ids = windows.ids.subarray(index * SEQLEN, (index + 1) * SEQLEN);
        const expected = naiveForward(model, ids);
        expect(Math.abs(result.window_losses[index] - naiveLoss(expected, ids))).toBeLessThan(2e-5);
        if (index > 0) continue;
        const flat = expected.flatMap((row) => [...row]);
        expect(result.first_logits.length).toBe(SEQLEN * VOCAB_SIZE);
        const worst = flat.reduce((max, value, i) => Math.max(max, Math.abs(value - result.first_logits[i])), 0);
        expect(worst).toBeLessThan(1e-4);
      }
      expect(reported).toEqual(result.window_losses);
    });
  }

  it('reads weights from the external file, and gives what the inline model gives', async () => {
    const model = tinyDecoder({ dimensions: ODD, head: 'untied', kv_heads: 2, dtype: 'F16' });
    const windows = tokenWindows(1);
    const inline = await exported(model, 'auto');
    const external = await exported(model, 'always');
    expect(external.written.files.map((file) => file.name)).toEqual(['model.onnx', 'model.onnx.data']);
    const expected = await verifySession(ort, inline.files, windows);
    const found = await verifySession(ort, external.files, windows);
    expect(found.first_logits).toEqual(expected.first_logits);
  });

  it('takes any batch and any sequence length', async () => {
    const model = tinyDecoder({ dimensions: ODD, head: 'untied', kv_heads: 2 });
    const { stored } = await exported(model, 'auto');
    const session = await ort.InferenceSession.create(stored.bytes('model.onnx'));
    for (const length of [1, 2, 33]) {
      const rows = [
        tinyTokens(length),
        tinyTokens(length).reverse(),
        tinyTokens(length).map((id) => (id + 1) % VOCAB_SIZE),
      ];
      const ids = BigInt64Array.from(
        rows.flatMap((row) => [...row]),
        BigInt,
      );
      const { logits } = await session.run({ input_ids: new ort.Tensor('int64', ids, [rows.length, length]) });
      expect(logits.dims).toEqual([rows.length, length, VOCAB_SIZE]);
      const expected = rows.flatMap((row) => naiveForward(model, row).flatMap((line) => [...line]));
      const worst = expected.reduce((max, x, i) => Math.max(max, Math.abs(x - (logits.data as Float32Array)[i])), 0);
      expect(worst).toBeLessThan(1e-4);
    }
    await session.release();
  });

  it('says what is wrong when the external file is missing or the model is damaged', async () => {
    const { files, stored } = await exported(tinyDecoder(), 'always');
    const failure = { code: 'verification_failed' };
    await expect(verifySession(ort, files.slice(0, 1), tokenWindows(1))).rejects.toMatchObject(failure);
    const half = stored.bytes('model.onnx').subarray(0, 2000);
    const damaged = [{ name: 'model.onnx', file: new Blob([half]) }, files[1]];
    await expect(verifySession(ort, damaged, tokenWindows(1))).rejects.toMatchObject(failure);
    await expect(verifySession(ort, files.slice(1), tokenWindows(1))).rejects.toThrow(/None of 1 files/);
  });

  it('stops between windows when it is cancelled', async () => {
    const { files } = await exported(tinyDecoder(), 'auto');
    const controller = new AbortController();
    const seen: number[] = [];
    const onWindow = (index: number) => {
      seen.push(index);
      controller.abort();
    };
    const run = verifySession(ort, files, tokenWindows(3), { signal: controller.signal, onWindow });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen).toEqual([0]);
  });
});
