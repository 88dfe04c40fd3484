import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { feedsOf } from '../../src/export/session_feeds.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { CacheSession, worstDifference } from './cache_session.ts';
import { decodeOnnx } from './decode_onnx.ts';
import { memoryFiles } from './memory_files.ts';
import { naiveForward } from './naive_forward.ts';
import { HEAD_DIM, tinyDecoder, tinyTokens, VOCAB_SIZE } from './tiny_decoder.ts';
import { VARIANTS } from './variants.ts';

const FILE = 'onnx/model.onnx';

async function exported(model: DecoderModel) {
  const files = memoryFiles();
  const written = await writeOnnx(model, { layout: 'kv_cache', external_data: 'auto' }, files.openFile);
  expect(written.files.map(({ name }) => name)).toEqual([FILE]);
  return files.bytes(FILE);
}

describe('an export with a KV cache in onnxruntime-web', () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    it(`gives the logits of the canonical model however a text is fed: ${name}`, async () => {
      const model = tinyDecoder(options);
      const texts = [tinyTokens(16), tinyTokens(14, 5)].map((ids) => [...ids]);
      const expected = texts.map((ids) => naiveForward(model, Uint32Array.from(ids)));
      const session = await CacheSession.open(await exported(model));

      // All at once.
      const [whole] = await session.push([texts[0]]);
      expect(worstDifference(whole, expected[0])).toBeLessThan(1e-4);

      // A part, then token by token.
      session.restart();
      const [rows] = await session.push([texts[0].slice(0, 11)]);
      for (const token of texts[0].slice(11)) rows.push(...(await session.push([[token]]))[0]);
      expect(worstDifference(rows, expected[0])).toBeLessThan(1e-4);

      // Two texts of different length, padded on the left; then one more token each.
      session.restart();
      const padded = [texts[0].slice(0, 15), [null, null, ...texts[1].slice(0, 13)]];
      const [first, second] = await session.push(padded);
      const [[firstNext], [secondNext]] = await session.push([[texts[0][15]], [texts[1][13]]]);
      expect(worstDifference([...first, firstNext], expected[0])).toBeLessThan(1e-4);
      expect(worstDifference([...second.slice(2), secondNext], expected[1])).toBeLessThan(1e-4);
      // What padding computes is not looked at, but must not spoil the cache with NaN.
      expect(second[0].every(Number.isFinite)).toBe(true);
      await session.session.release();
    });
  }

  it('declares inputs and outputs as Optimum does, with the sizes that transformers.js makes empty caches of', async () => {
    const session = await ort.InferenceSession.create(await exported(tinyDecoder({ kv_heads: 2 })));
    expect(session.inputNames).toEqual([
      'input_ids',
      'attention_mask',
      'position_ids',
      'past_key_values.0.key',
      'past_key_values.0.value',
      'past_key_values.1.key',
      'past_key_values.1.value',
    ]);
    expect(session.outputNames).toEqual([
      'logits',
      'present.0.key',
      'present.0.value',
      'present.1.key',
      'present.1.value',
    ]);
    const past = session.inputMetadata.find(({ name }) => name === 'past_key_values.1.key');
    expect(past).toMatchObject({ type: 'float32', shape: ['batch_size', 2, 'past_sequence_length', HEAD_DIM] });
    const results = await session.run(feedsOf(ort, session, tinyTokens(9)));
    expect(results.logits.dims).toEqual([1, 9, VOCAB_SIZE]);
    expect(results['present.1.value'].dims).toEqual([1, 2, 9, HEAD_DIM]);
    await session.release();
  });

  it('asks for no positions where the model has none', async () => {
    const session = await ort.InferenceSession.create(await exported(tinyDecoder({ alibi: true, rotary: null })));
    expect(session.inputNames).not.toContain('position_ids');
    await session.release();
  });

  it('stores what the plain graph stores: the tied table once', async () => {
    const { initializers } = decodeOnnx(await exported(tinyDecoder({ dtype: 'F16' })));
    expect([...initializers.keys()].filter((name) => /embed_tokens|lm_head/.test(name))).toEqual([
      'model.embed_tokens.weight',
    ]);
  });

  it('writes external data as transformers.js asks for it, in files of limited size', async () => {
    const model = tinyDecoder({ head: 'untied' });
    const files = memoryFiles();
    const options = { layout: 'kv_cache', external_data: 'always', external_file_bytes: 20_000 } as const;
    const written = await writeOnnx(model, options, files.openFile);
    const names = written.files.map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual([FILE, `${FILE}_data`, `${FILE}_data_1`]);
    for (const name of names.slice(1)) expect(files.bytes(name).byteLength).toBeLessThanOrEqual(20_000);
    const externalData = names
      .slice(1)
      .map((name) => ({ path: name.replace('onnx/', ''), data: new Blob([files.bytes(name)]) }));
    const session = await ort.InferenceSession.create(files.bytes(FILE), { externalData });
    const { logits } = await session.run(feedsOf(ort, session, tinyTokens(9)));
    const expected = naiveForward(model, tinyTokens(9)).flatMap((row) => [...row]);
    expect(worstDifference([logits.data as Float32Array], [expected])).toBeLessThan(1e-4);
    await session.release();
  });
});
