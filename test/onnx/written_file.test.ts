import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { EXTERNAL_DATA_ALIGNMENT } from '../../src/formats/onnx/write.ts';
import type { DecoderModel, WeightRef } from '../../src/models/decoder_model.ts';
import { decodeOnnx } from './decode_onnx.ts';
import { memoryFiles } from './memory_files.ts';
import { tinyDecoder } from './tiny_decoder.ts';

const FLOAT16 = 10;

async function written(model: DecoderModel, external_data: 'auto' | 'always') {
  const files = memoryFiles();
  const { files: facts } = await writeOnnx(
    model,
    { external_data, metadata: { sparsity: '0.25', método: 'β' } },
    files.openFile,
  );
  return { files, facts, model: decodeOnnx(files.bytes('model.onnx')) };
}

describe('a written ONNX file', () => {
  it('says its versions, its producer and the facts it was given', async () => {
    const { model } = await written(tinyDecoder(), 'auto');
    expect(model.ir_version).toBeLessThanOrEqual(10);
    expect(model.opset_version).toBeLessThanOrEqual(21);
    expect(model.producer_name).toBe('Whittle');
    expect(model.metadata).toEqual({ sparsity: '0.25', método: 'β' });
  });

  it('has unique node names that read like the model', async () => {
    const { model } = await written(
      tinyDecoder({ dimensions: [17, 19, 15, 21, 13], kv_heads: 2, head: 'untied' }),
      'auto',
    );
    expect(new Set(model.node_names).size).toBe(model.node_names.length);
    expect(model.node_names).toEqual(
      expect.arrayContaining([
        '/model/layers.0/self_attn/q_proj/MatMul',
        '/model/layers.1/attn_shortcut_Q/MatMul',
        '/model/layers.1/mlp/down_proj/MatMul',
        '/lm_head/MatMul',
      ]),
    );
  });

  it('stores a tied table once, in its stored type, and transposes linears to (in, out)', async () => {
    const source = tinyDecoder({ dtype: 'F16', kv_heads: 2 });
    const { model } = await written(source, 'auto');
    expect(model.initializers.has('lm_head.weight')).toBe(false);
    const table = model.initializers.get('model.embed_tokens.weight');
    expect(table?.data_type).toBe(FLOAT16);
    expect(table?.raw_data).toEqual(await source.embed_tokens.weight.read());
    const stored = model.initializers.get('model.layers.0.self_attn.k_proj.weight');
    const weight = source.layers[0].attention.k_proj.weight;
    expect(stored?.dims).toEqual([...weight.shape].reverse());
    const [rows, columns] = weight.shape;
    const from = new Uint16Array((await weight.read()).slice().buffer);
    const to = new Uint16Array(stored!.raw_data!.slice().buffer);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) expect(to[j * rows + i]).toBe(from[i * columns + j]);
    }
  });

  it('puts external weights at aligned offsets that do not overlap, and keeps small constants inline', async () => {
    const source = tinyDecoder({ dtype: 'F16', head: 'untied' });
    const { model, files } = await written(source, 'always');
    const data = files.bytes('model.onnx.data');
    let end = 0;
    for (const { external, dims } of model.initializers.values()) {
      if (!external) continue;
      expect(external.location).toBe('model.onnx.data');
      expect(external.offset % EXTERNAL_DATA_ALIGNMENT).toBe(0);
      expect(external.offset).toBeGreaterThanOrEqual(end);
      expect(external.length).toBe(2 * dims[0] * dims[1]);
      end = external.offset + external.length;
    }
    expect(data.byteLength).toBe(end);
    const { offset, length } = model.initializers.get('model.embed_tokens.weight')!.external!;
    expect(data.subarray(offset, offset + length)).toEqual(await source.embed_tokens.weight.read());
    expect(model.initializers.get('constant.ints.-1')?.raw_data).toEqual(new Uint8Array(8).fill(255));
  });

  it('reports sizes and digests of exactly the bytes that were written', async () => {
    const { facts, files } = await written(tinyDecoder(), 'always');
    for (const { name, bytes, sha256 } of facts) {
      const stored = files.bytes(name);
      expect(bytes).toBe(stored.byteLength);
      expect(sha256).toBe(createHash('sha256').update(stored).digest('hex'));
    }
  });

  it('reads a big table in blocks of rows and never writes more than a few MiB at once', async () => {
    const model = tinyDecoder();
    const table = largeTable(300_000, 24);
    const files = memoryFiles();
    const tied = { ...model, embed_tokens: { weight: table }, lm_head: { weight: table } };
    await writeOnnx(tied, { external_data: 'always' }, files.openFile);
    expect(table.longestRead()).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(files.longestWrite()).toBeLessThanOrEqual(4 * 2 ** 20);
  });

  it('transposes a matrix wider than one band correctly', async () => {
    const shape = [1500, 1400] as const;
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i);
    const weight: WeightRef = { name: 'w', shape, dtype: 'F32', read: async () => new Uint8Array(values.buffer) };
    const model = tinyDecoder({ head: 'untied' });
    const { model: decoded } = await written({ ...model, lm_head: { weight } }, 'auto');
    const transposed = new Float32Array(decoded.initializers.get('lm_head.weight')!.raw_data!.slice().buffer);
    for (const [row, column] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1499, 1399],
      [700, 1300],
      [1200, 699],
    ]) {
      expect(transposed[column * shape[0] + row]).toBe(row * shape[1] + column);
    }
  });

  it('refuses a weight that gives fewer or more bytes than its shape, and closes the file', async () => {
    for (const extra of [-4, 4]) {
      const model = tinyDecoder();
      const norm: WeightRef = { name: 'n', shape: [24], dtype: 'F32', read: async () => new Uint8Array(96 + extra) };
      const files = memoryFiles();
      const broken = { ...model, norm: { ...model.norm, weight: norm } };
      await expect(writeOnnx(broken, { external_data: 'auto' }, files.openFile)).rejects.toMatchObject({
        code: 'export_failed',
        place: { tensor: 'model.norm.weight' },
      });
      expect(() => files.bytes('model.onnx')).not.toThrow();
    }
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const progress: number[] = [];
    const onProgress = (done: number) => {
      progress.push(done);
      if (progress.length === 5) controller.abort();
    };
    const options = { external_data: 'auto', signal: controller.signal, onProgress } as const;
    await expect(writeOnnx(tinyDecoder(), options, memoryFiles().openFile)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(progress.length).toBe(5);
  });
});

function largeTable(rows: number, columns: number): WeightRef & { longestRead(): number } {
  let longest = 0;
  return {
    name: 'table',
    dtype: 'F32',
    shape: [rows, columns],
    longestRead: () => longest,
    async read({ start, end } = { start: 0, end: rows }) {
      const bytes = new Uint8Array((end - start) * columns * 4);
      longest = Math.max(longest, bytes.byteLength);
      return bytes;
    },
  };
}
