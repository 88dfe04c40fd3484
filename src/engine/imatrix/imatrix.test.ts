/** The engine writes an importance matrix that says what its model reads, and rounds by one that it is given. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started, TEXTS } from '../../../test/support/test_engine.ts';
import { readGgufHeader } from '../../formats/gguf/header.ts';
import { type Imatrix, readImatrix, writeImatrix } from '../../formats/gguf/imatrix.ts';
import { blobSource } from '../../formats/source.ts';
import { openModel } from '../../models/open_model.ts';
import { cutWindows } from '../../runtime/windows.ts';
import { decodeStored } from '../../tensor/decode.ts';

const SHAPE = { hidden_size: 64, intermediate_size: 128, vocab_size: 300, dtype: 'F16' } as const;
const WINDOWS = TEXTS.samples * TEXTS.seqlen;

async function written(model = source(SHAPE)) {
  const platform = memoryPlatform();
  const engine = await started(platform, model);
  const report = await engine.run('write_imatrix', {});
  const bytes = platform.exports.get(report.folder)?.get(report.file.name) as Uint8Array<ArrayBuffer>;
  const imatrix = await readImatrix(blobSource(report.file.name, new Blob([bytes.slice()])));
  return { platform, engine, report, imatrix };
}

async function fileOf(imatrix: Imatrix, name = 'imatrix.gguf'): Promise<File> {
  const parts: BlobPart[] = [];
  for await (const chunk of writeImatrix(imatrix)) parts.push(chunk.slice());
  return new File(parts, name);
}

describe('write_imatrix', () => {
  it('sums the squares of what every linear reads, over all tokens', async () => {
    const { imatrix, report } = await written();
    const { datasets, chunk_count, chunk_size, entries } = imatrix;
    expect({ datasets, chunk_count, chunk_size }).toEqual({
      datasets: ['calibration'],
      chunk_count: TEXTS.samples,
      chunk_size: TEXTS.seqlen,
    });
    const open = await openModel(await tinyLlama(SHAPE));
    const { layers, embed_tokens } = open.model;
    expect(entries.size).toBe(7 * layers.length);
    expect(report).toMatchObject({ tensors: entries.size, tokens: WINDOWS });
    for (const { counts } of entries.values()) expect([...counts]).toEqual([WINDOWS]);
    // What the first layer's queries read follows from the embedding and a norm alone.
    const text = TEXTS.calibration.kind === 'text' ? TEXTS.calibration.text : '';
    const { ids } = cutWindows(open.tokenizer.encode(text), TEXTS.seqlen, TEXTS.samples, 'calibration');
    const numbers = async (ref: typeof embed_tokens.weight) => decodeStored(await ref.read(), ref.dtype);
    const [E, norm] = [await numbers(embed_tokens.weight), layers[0].input_layernorm];
    const gamma = await numbers(norm!.weight!);
    const D = SHAPE.hidden_size;
    const expected = new Float64Array(D);
    for (const id of ids.subarray(0, WINDOWS)) {
      const row = E.subarray(id * D, (id + 1) * D);
      const scale = 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / D + norm!.eps);
      for (let i = 0; i < D; i++) expected[i] += (row[i] * scale * gamma[i]) ** 2;
    }
    const found = entries.get('blk.0.attn_q.weight')!.sums;
    found.forEach((sum, i) => {
      expect(sum / expected[i]).toBeCloseTo(1, 4);
    });
    expect(entries.get('blk.0.attn_v.weight')!.sums).toEqual(found);
    expect(entries.get('blk.0.ffn_down.weight')!.sums).toHaveLength(SHAPE.intermediate_size);
  });

  it('names one matrix of several parts once', async () => {
    const files = await familyFiles(await family('phi3'));
    const model = {
      kind: 'files' as const,
      files: files.map(({ path, blob }) => ({ path, file: new File([blob], path) })),
    };
    const { imatrix, engine } = await written(Promise.resolve(model));
    const names = [...imatrix.entries.keys()].filter((name) => name.startsWith('blk.0.'));
    expect(names).toEqual(['attn_output', 'attn_qkv', 'ffn_down', 'ffn_up'].map((name) => `blk.0.${name}.weight`));
    expect(await engine.run('set_imatrix', { file: await fileOf(imatrix) })).toMatchObject({ tokens: WINDOWS });
  });
});

describe('set_imatrix', () => {
  const steps = [{ method: 'gguf', options: { type: 'q4_0' } }];

  it('stands in the place of the calibration text', async () => {
    const { engine, imatrix, platform } = await written();
    /** The bytes of a matrix as they come out in the file. */
    const matrix = async (id: string, name: string) => {
      await engine.run('evaluate', { target: id });
      const { folder } = await engine.run('export', { id, options: { format: 'gguf' } });
      const file = platform.exports.get(folder)?.get('model.gguf') as Uint8Array<ArrayBuffer>;
      const reader = blobSource('model.gguf', new Blob([file.slice()]));
      const tensor = (await readGgufHeader(reader)).tensors.find((each) => each.name === name)!;
      return reader.read(tensor.offset, tensor.bytes);
    };
    const own = await engine.run('compress', { steps });
    const report = await engine.run('set_imatrix', { file: await fileOf(imatrix, 'mine.gguf') });
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(report).toEqual({ name: 'mine.gguf', datasets: ['calibration'], tokens: WINDOWS, sha256 });
    const given = await engine.run('compress', { steps });
    expect([own.files, given.files]).toEqual([undefined, { 'mine.gguf': report?.sha256 }]);
    expect([own.imatrix, given.imatrix]).toEqual([undefined, 'mine.gguf']);
    // What the first linears read is the same in the model as it was and as it becomes.
    const [first, last] = ['blk.0.attn_q.weight', 'blk.1.ffn_down.weight'];
    const ofOwn = await matrix(own.id, first);
    expect(await matrix(given.id, first)).toEqual(ofOwn);
    // Another opinion of what counts gives other weights.
    const entries = new Map(
      [...imatrix.entries].map(([name, { sums, counts }]) => [
        name,
        { sums: sums.map((_, i) => 1 + 1e3 * (i % 2)), counts },
      ]),
    );
    await engine.run('set_imatrix', { file: await fileOf({ ...imatrix, entries }) });
    const other = await engine.run('compress', { steps });
    expect(await matrix(other.id, first)).not.toEqual(ofOwn);
    await engine.run('set_imatrix', { file: null });
    const again = await engine.run('compress', { steps });
    expect(await matrix(again.id, last)).toEqual(await matrix(own.id, last));
  });

  it('refuses that of another model', async () => {
    const { engine, imatrix } = await written();
    const set = async (change: (entries: Map<string, { sums: Float32Array; counts: Float32Array }>) => void) => {
      const entries = new Map(imatrix.entries);
      change(entries);
      return failure(engine.run('set_imatrix', { file: await fileOf({ ...imatrix, entries }) }));
    };
    const tensor = 'blk.1.ffn_down.weight';
    const { sums, counts } = imatrix.entries.get(tensor)!;
    expect(await set((entries) => entries.delete(tensor))).toMatchObject({ code: 'bad_option', place: { tensor } });
    const short = await set((entries) => entries.set(tensor, { sums: sums.slice(1), counts }));
    expect(short).toMatchObject({ code: 'bad_option', message: expect.stringContaining('127 inputs') });
    const empty = await set((entries) => entries.set(tensor, { sums, counts: Float32Array.of(0) }));
    expect(empty).toMatchObject({ code: 'bad_option', message: expect.stringContaining('no tokens') });
    const experts = { sums: new Float32Array(2 * sums.length), counts: Float32Array.of(1, 1) };
    const several = await set((entries) => entries.set(tensor, experts));
    expect(several).toMatchObject({ code: 'bad_option', message: expect.stringContaining('2 experts') });
    // What was there before stays.
    expect((await engine.run('compress', { steps })).imatrix).toBeUndefined();
  });
});
