/** A file verified in parts gives what it gives as a whole, and a fault in any part shows. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { planParts } from '../../src/engine/verify/parts/plan.ts';
import { verifyInParts } from '../../src/engine/verify/parts/run.ts';
import { type OnnxFile, verifySession } from '../../src/engine/verify/session.ts';
import type { Precision } from '../../src/export/precision.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { readOnnxModel } from '../../src/formats/onnx/read_model.ts';
import { blobSource } from '../../src/formats/source.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import type { TokenWindows } from '../../src/runtime/windows.ts';
import { memoryFiles } from './memory_files.ts';
import { tinyDecoder, tinyTokens } from './tiny_decoder.ts';
import { ODD, UNSLICED_LAST, VARIANTS } from './variants.ts';

ort.env.wasm.numThreads = 1;

const SEQLEN = 16;
const WINDOWS: TokenWindows = { seqlen: SEQLEN, count: 3, ids: tinyTokens(3 * SEQLEN), totalTokens: 3 * SEQLEN };

/** Each way of masks, positions, shortcuts, heads and parallel branches once. */
const TABLE: readonly (keyof typeof VARIANTS)[] = [
  'dense, grouped-query attention, F16',
  'sliced, tied with a head projection, BF16',
  'Gemma 2: γ + 1, sandwich norms, soft caps, scaled embedding, local and global layers',
  'Phi-3: longrope, text beyond the first length',
  'OPT, sliced and centred, with a head bias',
  'GPT-J: parallel, interleaved rotary over part of each head',
  'BLOOM: ALiBi and an embedding norm',
];

interface Choice {
  layout?: 'plain' | 'kv_cache';
  precision?: Precision;
  external_data?: 'auto' | 'always';
}

async function exported(model: DecoderModel, { layout, precision, external_data = 'auto' }: Choice) {
  const files = memoryFiles();
  await writeOnnx(model, { layout, precision, external_data }, files.openFile);
  return files.names().map((name): OnnxFile => ({ name, file: new Blob([files.bytes(name)]) }));
}

function worst(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

type Rest = Parameters<typeof verifyInParts> extends [unknown, unknown, unknown, ...infer R] ? R : never;

const sourcesOf = (files: readonly OnnxFile[]) =>
  new Map(files.map(({ name, file }) => [name, blobSource(name, file)]));

async function inParts(runtime: typeof ort, files: readonly OnnxFile[], ...rest: Rest) {
  const model = files.find(({ name }) => name.endsWith('.onnx')) ?? files[0];
  return verifyInParts(runtime, sourcesOf(files), await readOnnxModel(blobSource(model.name, model.file)), ...rest);
}

async function expectSame(files: readonly OnnxFile[], part_bytes: number, least_parts: number, windows = WINDOWS) {
  const whole = await verifySession(ort, files, windows);
  let told = 0;
  const parts = await inParts(ort, files, windows, { onPart: () => told++ }, part_bytes);
  expect(parts.parts).toBeGreaterThanOrEqual(least_parts);
  expect(told).toBe((parts.parts ?? 0) * windows.count);
  expect(worst(parts.first_logits, whole.first_logits)).toBeLessThan(2e-5);
  for (const [i, loss] of parts.window_losses.entries()) {
    expect(Math.abs(loss - whole.window_losses[i])).toBeLessThan(1e-5);
  }
}

describe('verification in parts', () => {
  for (const name of TABLE) {
    it(`gives the losses and logits of the whole: ${name}`, async () => {
      await expectSame(await exported(tinyDecoder(VARIANTS[name]), {}), 6000, 3);
    });
  }

  it('gives them for one window, for which weights are not rearranged', async () => {
    const one = { ...WINDOWS, count: 1, ids: WINDOWS.ids.subarray(0, SEQLEN) };
    await expectSame(await exported(tinyDecoder(VARIANTS[TABLE[0]]), {}), 6000, 3, one);
  });

  const choices: Choice[] = [
    { layout: 'kv_cache' },
    { precision: 'f16', external_data: 'always' },
    { precision: 'int8' },
    { precision: 'int4', external_data: 'always' },
    { precision: 'int4', layout: 'kv_cache' },
  ];
  for (const choice of choices) {
    for (const [kind, options] of Object.entries({
      'sliced, tied': { dimensions: UNSLICED_LAST, head: 'tied_projection', kv_heads: 2 },
      'sliced, untied': { dimensions: ODD, head: 'untied', head_bias: true },
    } as const)) {
      it(`gives them whatever the file holds: ${JSON.stringify(choice)}, ${kind}`, async () => {
        await expectSame(await exported(tinyDecoder(options), choice), 3000, 4);
      });
    }
  }

  it('cuts between layers where there is room for whole ones, and within them where there is none', async () => {
    const [{ file }] = await exported(tinyDecoder({ head: 'untied' }), {});
    const { graph } = await readOnnxModel(blobSource('model.onnx', file));
    const scopes = (bytes: number) =>
      planParts(graph, bytes).body.map((nodes) => [
        ...new Set(nodes.map((index) => /layers\.\d/.exec(graph.nodes[index].name)?.[0] ?? 'outside')),
      ]);
    expect(scopes(1e9)).toHaveLength(1);
    // A layer's matrices take (4·24·24 + 3·24·40)·4 = 20.7 kB.
    expect(scopes(24_000)).toEqual([
      ['outside', 'layers.0'],
      ['layers.1', 'outside'],
    ]);
    expect(scopes(5000).length).toBeGreaterThan(8);
  });

  it('holds no part larger than its budget', async () => {
    const files = await exported(tinyDecoder({ head: 'untied', dimensions: ODD }), {});
    const sizes: number[] = [];
    const create: typeof ort.InferenceSession.create = (...job: unknown[]) => {
      const { externalData = [] } = job[1] as { externalData?: { data: Uint8Array }[] };
      const weights = externalData.reduce((sum, { data }) => sum + data.byteLength, 0);
      sizes.push((job[0] as Uint8Array).byteLength + weights);
      return (ort.InferenceSession.create as (...args: unknown[]) => Promise<ort.InferenceSession>)(...job);
    };
    const watched = { ...ort, InferenceSession: { create } } as unknown as typeof ort;
    // The largest matrix has 40 · 21 floats; nodes and constants take a few kilobytes more.
    await inParts(watched, files, WINDOWS, {}, 4 * 40 * 21);
    expect(Math.max(...sizes)).toBeLessThan(4 * 40 * 21 + 9000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(50_000);
  });

  it.each(['model.layers.0.mlp.up_proj.weight', 'model.layers.1.self_attn.o_proj.weight', 'lm_head.weight'])(
    'shows a byte that was changed in %s',
    async (name) => {
      const files = await exported(tinyDecoder({ head: 'untied' }), { external_data: 'always' });
      const [model] = files;
      const { graph } = await readOnnxModel(blobSource('model.onnx', model.file));
      const { location } = graph.initializers.get(name) ?? {};
      if (location?.kind !== 'external') throw new Error(`${name} is not external`);
      const bytes = new Uint8Array(await files[1].file.arrayBuffer());
      // The highest bits of the exponent of one f32.
      bytes[location.offset + 4 * 30 + 3] ^= 0x40;
      const damaged = [model, { name: files[1].name, file: new Blob([bytes]) }];
      const right = await inParts(ort, files, WINDOWS, {}, 6000);
      const wrong = await inParts(ort, damaged, WINDOWS, {}, 6000);
      const mean = (losses: number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      const relative = Math.exp(mean(wrong.window_losses) - mean(right.window_losses)) - 1;
      expect(Number.isFinite(relative) ? Math.abs(relative) : 1).toBeGreaterThan(1e-3);
    },
  );

  it('stops between parts when it is cancelled, and says what is missing', async () => {
    const files = await exported(tinyDecoder(), { external_data: 'always' });
    const controller = new AbortController();
    const options = { signal: controller.signal, onPart: () => controller.abort() };
    await expect(inParts(ort, files, WINDOWS, options, 6000)).rejects.toMatchObject({ code: 'cancelled' });
    await expect(inParts(ort, files.slice(0, 1), WINDOWS)).rejects.toMatchObject({ code: 'missing_shard' });
    const model = await readOnnxModel(blobSource(files[0].name, files[0].file));
    await expect(verifyInParts(ort, sourcesOf(files.slice(1)), model, WINDOWS)).rejects.toMatchObject({
      code: 'verification_failed',
    });
  });
});
