import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { modelFile } from '../../src/export/file_names.ts';
import { type Precision, quantizedModel } from '../../src/export/precision.ts';
import { feedsOf } from '../../src/export/session_feeds.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { readOnnxModel } from '../../src/formats/onnx/read_model.ts';
import { blobSource } from '../../src/formats/source.ts';
import type { DecoderModel, WeightRef } from '../../src/models/decoder_model.ts';
import { storedWeights } from '../../src/models/decoder_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { numberToF16 } from '../../src/tensor/half.ts';
import { CacheSession, worstDifference } from './cache_session.ts';
import { decodeOnnx } from './decode_onnx.ts';
import { memoryFiles } from './memory_files.ts';
import { tinyDecoder, tinyTokens } from './tiny_decoder.ts';
import { ODD, UNSLICED_LAST, VARIANTS } from './variants.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 16;
const [FLOAT, UINT8, FLOAT16] = [1, 2, 10];

/** Logits of one window by Whittle's own runtime, in rows. */
async function shown(model: DecoderModel): Promise<Float32Array[]> {
  const ids = tinyTokens(SEQLEN);
  const windows = { seqlen: SEQLEN, count: 1, ids, totalTokens: SEQLEN };
  const logits = await firstWindowLogits(createCpuBackend(), model, windows);
  const size = logits.length / SEQLEN;
  return Array.from({ length: SEQLEN }, (_, t) => logits.slice(t * size, (t + 1) * size));
}

async function exported(model: DecoderModel, precision: Precision, layout: 'plain' | 'kv_cache' = 'plain') {
  const files = memoryFiles();
  const { files: written } = await writeOnnx(model, { precision, layout, external_data: 'auto' }, files.openFile);
  expect(written.map(({ name }) => name)).toEqual([modelFile(layout, precision)]);
  return files.bytes(written[0].name);
}

async function run(bytes: Uint8Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes);
  const { logits } = await session.run(feedsOf(ort, session, tinyTokens(SEQLEN)));
  await session.release();
  return logits.data as Float32Array;
}

const TABLE: readonly (keyof typeof VARIANTS)[] = [
  'dense, untied, with norm weights and biases, F32',
  'dense, grouped-query attention, F16',
  'dense, one key/value head, BF16',
  'sliced to odd dimensions, untied',
  'sliced, tied through a projection, centred',
  'sliced, tied with a head projection, BF16',
  'Gemma 2: γ + 1, sandwich norms, soft caps, scaled embedding, local and global layers',
  'OPT, sliced and centred, with a head bias',
  'BLOOM: ALiBi and an embedding norm',
];

describe('an export in another precision', () => {
  for (const precision of ['f32', 'f16', 'int8', 'int4'] as const) {
    // Floats differ from the plain export in nothing but the cast; quantised weights take other operators.
    for (const name of precision.startsWith('f') ? TABLE.slice(0, 3) : TABLE) {
      it(`gives the logits that the app computes of the same model: ${precision}, ${name}`, async () => {
        const model = tinyDecoder(VARIANTS[name]);
        const expected = await shown(await quantizedModel(model, precision));
        const found = await run(await exported(model, precision));
        expect(worstDifference([found], [expected.flatMap((row) => [...row])])).toBeLessThan(1e-4);
      });
    }
  }

  for (const precision of ['int8', 'int4'] as const) {
    it(`gives them with a cache too: ${precision}`, async () => {
      const model = tinyDecoder({ kv_heads: 2, dimensions: UNSLICED_LAST, head: 'tied_projection' });
      const expected = await shown(await quantizedModel(model, precision));
      const session = await CacheSession.open(await exported(model, precision, 'kv_cache'));
      const ids = [...tinyTokens(SEQLEN)];
      const [rows] = await session.push([ids.slice(0, 9)]);
      for (const token of ids.slice(9)) rows.push(...(await session.push([[token]]))[0]);
      expect(worstDifference(rows, expected)).toBeLessThan(1e-4);
      await session.session.release();
    });

    it(`is really quantised, and differs from the dense logits as little as its bits allow: ${precision}`, async () => {
      const model = tinyDecoder({ head: 'untied' });
      const dense = (await shown(model)).flatMap((row) => [...row]);
      const found = await run(await exported(model, precision));
      const largest = Math.max(...dense.map(Math.abs));
      const worst = worstDifference([found], [dense]) / largest;
      expect(worst).toBeGreaterThan(precision === 'int8' ? 1e-4 : 1e-2);
      expect(worst).toBeLessThan(precision === 'int8' ? 0.05 : 0.5);
    });
  }

  it('stores each weight in the type that its precision says', async () => {
    const model = tinyDecoder({ dimensions: ODD, head: 'untied', norm_weights: true });
    const types = async (precision: Precision) => {
      const { initializers } = decodeOnnx(await exported(model, precision));
      return (name: string) => initializers.get(name)?.data_type;
    };
    const f16 = await types('f16');
    expect(f16('model.layers.0.mlp.up_proj.weight')).toBe(FLOAT16);
    expect(f16('model.norm.weight')).toBe(FLOAT);
    const int4 = await types('int4');
    expect(int4('model.layers.0.mlp.up_proj.weight')).toBeUndefined();
    expect(int4('model.layers.0.mlp.up_proj.weight_quant')).toBe(UINT8);
    // Of the type that the product takes, so that nothing stands between: some runtimes want constants there.
    expect(int4('model.layers.0.mlp.up_proj.weight_scales')).toBe(FLOAT);
    for (const name of ['model.layers.0.mlp.up_proj.weight', 'lm_head.weight', 'model.layers.1.mlp_shortcut_Q']) {
      expect(int4(`${name}_zero_points`)).toBe(UINT8);
    }
    // Eight bits, symmetric.
    expect(int4('model.embed_tokens.weight_quant')).toBe(UINT8);
    expect(int4('model.embed_tokens.weight_zero_points')).toBeUndefined();
  });

  it('takes products in 4 bits alone where int4 was chosen, and operators of ONNX for the rest', async () => {
    for (const head of ['tied', 'untied'] as const) {
      const nodes = await nodesOf(await exported(tinyDecoder({ dimensions: UNSLICED_LAST, head }), 'int4'));
      const own = nodes.filter(({ domain }) => domain);
      expect(new Set(own.map(({ op_type }) => op_type))).toEqual(new Set(['MatMulNBits']));
      expect(new Set(own.map(({ ints }) => ints.get('bits')?.[0]))).toEqual(new Set([4]));
      expect(own.every(({ ints }) => !ints.has('accuracy_level'))).toBe(true);
    }
  });

  it('gives quantised products initialisers, with nothing between', async () => {
    const bytes = await exported(tinyDecoder({ dimensions: UNSLICED_LAST, head: 'tied' }), 'int8');
    const { initializers } = decodeOnnx(bytes);
    for (const { inputs } of (await nodesOf(bytes)).filter(({ op_type }) => op_type === 'MatMulNBits')) {
      for (const input of inputs.slice(1)) expect(initializers.has(input), input).toBe(true);
    }
  });

  it('stores a tied table once also when it is quantised', async () => {
    const { initializers } = decodeOnnx(await exported(tinyDecoder({ head: 'tied' }), 'int4'));
    const tables = [...initializers.keys()].filter((name) => /embed_tokens|lm_head/.test(name));
    expect(tables).toEqual(['quant', 'scales', 'zero_points'].map((part) => `model.embed_tokens.weight_${part}`));
  });

  it('says how many bytes each quantised weight takes: those of the file', async () => {
    const model = await quantizedModel(tinyDecoder({ dimensions: ODD, head: 'untied' }), 'int4');
    const promised = storedWeights(model).reduce((sum, { stored }) => sum + (stored?.bytes ?? 0), 0);
    const { initializers } = decodeOnnx(await exported(model, 'int4'));
    const written = [...initializers.values()].filter(({ name }) => /_(?:quant|scales|zero_points)$/.test(name));
    expect(written.reduce((sum, { raw_data }) => sum + (raw_data?.length ?? 0), 0)).toBe(promised);
  });

  it('keeps F32 where a value lies beyond F16', async () => {
    const model = tinyDecoder({ head: 'untied' });
    const huge = weightOf([61, 24], (i) => (i === 700 ? 70_000 : i / 2000));
    const { initializers } = decodeOnnx(await exported({ ...model, lm_head: { weight: huge } }, 'f16'));
    expect(initializers.get('lm_head.weight')?.data_type).toBe(FLOAT);
    expect(initializers.get('model.embed_tokens.weight')?.data_type).toBe(FLOAT16);
  });

  it('stores as F16 what was widened from F8 or lies in blocks, and leaves F64 that was read as F32', async () => {
    const model = tinyDecoder({ head: 'untied' });
    const from = (dtype: string, bytes: number): WeightRef => ({
      ...weightOf([61, 24], (i) => i / 2000),
      stored: { dtype, bytes },
    });
    const type = async (weight: WeightRef) => {
      const { initializers } = decodeOnnx(await exported({ ...model, lm_head: { weight } }, 'stored'));
      return initializers.get('lm_head.weight')?.data_type;
    };
    expect(await type(from('F8_E4M3', 61 * 24))).toBe(FLOAT16);
    expect(await type(from('F64', 8 * 61 * 24))).toBe(FLOAT);
    expect(await type(blockWeight())).toBe(FLOAT16);
  });

  it('reads the rows of a quantised weight alike, whichever are asked for', async () => {
    const model = await quantizedModel(tinyDecoder({ dimensions: ODD, head: 'untied' }), 'int4');
    const shortcut = model.layers[0].attn_shortcut_Q as WeightRef;
    for (const ref of [model.lm_head.weight, model.layers[0].mlp.down_proj.weight, shortcut]) {
      const all = await ref.read();
      const rowBytes = 4 * ref.shape[1];
      expect(all.length).toBe(ref.shape[0] * rowBytes);
      expect(await ref.read({ start: 3, end: 8 })).toEqual(all.slice(3 * rowBytes, 8 * rowBytes));
    }
  });

  it('keeps shared weights and norms shared', async () => {
    const model = await quantizedModel(tinyDecoder({ parallel: 'one_norm', head: 'tied' }), 'int8');
    expect(model.lm_head.weight).toBe(model.embed_tokens.weight);
    expect(model.layers[0].post_attention_layernorm).toBe(model.layers[0].input_layernorm);
  });

  it('stops while it looks for values beyond F16', async () => {
    const signal = AbortSignal.abort();
    await expect(quantizedModel(tinyDecoder(), 'f16', { signal })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

async function nodesOf(bytes: Uint8Array<ArrayBuffer>) {
  return (await readOnnxModel(blobSource('model.onnx', new Blob([bytes])))).graph.nodes;
}

function weightOf(shape: readonly [number, number], value: (index: number) => number): WeightRef {
  const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => value(i));
  const read: WeightRef['read'] = async ({ start, end } = { start: 0, end: shape[0] }) =>
    new Uint8Array(values.slice(start * shape[1], end * shape[1]).buffer);
  return { name: 'made', shape, dtype: 'F32', read };
}

/** (61, 32) in Q8_0: an F16 scale of 1/16 and 32 signed bytes a block. */
function blockWeight(): WeightRef {
  const block = new Uint8Array(34);
  new DataView(block.buffer).setUint16(0, numberToF16(1 / 16), true);
  for (let i = 0; i < 32; i++) block[2 + i] = i;
  return {
    name: 'blocks',
    shape: [61, 32],
    dtype: 'Q8_0',
    async read({ start, end } = { start: 0, end: 61 }) {
      const bytes = new Uint8Array(34 * (end - start));
      for (let row = start; row < end; row++) bytes.set(block, 34 * (row - start));
      return bytes;
    },
  };
}
