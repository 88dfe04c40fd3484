/** Text of exported ONNX files in onnxruntime-web: token for token what the app's own loop writes, with a cache and without. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../../test/onnx/memory_files.ts';
import { tinyDecoder, tinyTokens } from '../../../test/onnx/tiny_decoder.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { writeOnnx } from '../../export/write_onnx.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { GREEDY } from '../../runtime/decode/sampling.ts';
import { generate } from '../../runtime/generate.ts';
import { writeText } from './session_text.ts';

ort.env.wasm.numThreads = 1;

const SAMPLED = { temperature: 1.5, top_k: 20, top_p: 0.95, repetition_penalty: 1.2, seed: 11 };
const IDS = tinyTokens(7);

async function exported(model: DecoderModel, layout?: 'kv_cache') {
  const files = memoryFiles();
  await writeOnnx(model, { external_data: 'always', ...(layout && { layout }) }, files.openFile);
  return files.names().map((name) => ({ name, file: new Blob([files.bytes(name)]) }));
}

describe('writeText', () => {
  it.each([
    ['plain', undefined, { head: 'untied' }],
    ['plain, learned positions', undefined, { head: 'untied', positions: 2, rotary: null }],
    ['with a cache', 'kv_cache', { head: 'untied', kv_heads: 2 }],
    ['with a cache, learned positions', 'kv_cache', { head: 'untied', positions: 2, rotary: null }],
  ] as const)('gives the tokens of the app: %s', async (_, layout, options) => {
    const model = tinyDecoder(options);
    const files = await exported(model, layout);
    for (const sampling of [GREEDY, SAMPLED]) {
      const expected = await generate(createCpuBackend(), model, IDS, 14, { sampling });
      const seen: number[] = [];
      const job = { ids: IDS, count: 14, sampling, eos: [] };
      const found = await writeText(ort, files, job, { onToken: (token) => seen.push(token) });
      expect(found.tokens).toEqual(expected);
      expect(seen).toEqual(expected);
      const eos = [expected[3]];
      const ended = await writeText(ort, files, { ...job, eos });
      expect(ended.tokens).toEqual(expected.slice(0, expected.indexOf(eos[0]) + 1));
    }
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const job = { ids: IDS, count: 14, sampling: GREEDY, eos: [] };
    const { signal } = controller;
    const run = writeText(ort, await exported(tinyDecoder()), job, { signal, onToken: () => controller.abort() });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });
});
