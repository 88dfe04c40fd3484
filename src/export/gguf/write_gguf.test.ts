/** Types, metadata and streaming of written files; that they compute the same is in test/gguf_export.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { memoryFiles } from '../../../test/onnx/memory_files.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { TENSOR_TYPES } from '../../formats/gguf/types.ts';
import { type DecoderModel, storedWeights, type WeightRef } from '../../models/decoder_model.ts';
import { type OpenModel, openModel } from '../../models/open_model.ts';
import { asFloatType } from '../../models/weight_views.ts';
import { blockOf, type DType } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { replaceWeights } from '../map_weights.ts';
import { GGUF_FILE, type GgufOptions, writeGguf } from './write_gguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'whittle-gguf-out-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As @huggingface/gguf reads what was written. */
async function oracle(bytes: Uint8Array) {
  const path = join(folder, GGUF_FILE);
  writeFileSync(path, bytes);
  const { metadata, tensorInfos } = await gguf(path, { allowLocalFile: true });
  const types = new Map(tensorInfos.map(({ name, dtype }) => [name, TENSOR_TYPES.get(dtype)]));
  return { metadata: metadata as unknown as Record<string, unknown>, tensorInfos, types };
}

let open: OpenModel;
beforeAll(async () => {
  open = await openModel(await familyFiles(await family('stablelm')));
});

function withTypes(model: DecoderModel, typeOf: (ref: WeightRef) => WeightRef): DecoderModel {
  return replaceWeights(model, new Map(storedWeights(model).map((ref) => [ref, typeOf(ref)])));
}

/** Bytes that no float is: only copying keeps them. */
function blocks(ref: WeightRef, dtype: DType): WeightRef {
  const { elements, bytes } = blockOf(dtype);
  const [rows, ...rest] = ref.shape;
  const width = (elementCount(rest) / elements) * bytes;
  const all = Uint8Array.from({ length: rows * width }, (_, i) => (i * 31 + ref.name.length) % 251);
  const read: WeightRef['read'] = async ({ start, end } = { start: 0, end: rows }) =>
    all.slice(start * width, end * width);
  return { name: ref.name, dtype, shape: ref.shape, read };
}

describe('precision', () => {
  it('stored keeps floats and blocks of matrices as they are, and vectors are F32', async () => {
    const cycle: DType[] = ['F16', 'BF16', 'Q4_1', 'Q8_0', 'F32', 'IQ4_NL'];
    let next = 0;
    const model = withTypes(open.model, (ref) => {
      if (ref.shape.length < 2) return asFloatType(ref, 'BF16');
      if (ref.shape[1] % 32 !== 0) return blocks(ref, 'F16');
      return blocks(ref, cycle[next++ % cycle.length]);
    });
    const bytes = await ggufBytes({ ...ggufSource(open), model });
    const { types, metadata } = await oracle(bytes);
    expect(new Set(types.values())).toEqual(new Set(cycle));
    for (const [name, type] of types) if (/norm|bias/.test(name)) expect([name, type]).toEqual([name, 'F32']);
    expect(types.get('blk.0.attn_q.weight')).toBe(model.layers[0].attention.q_proj.weight.dtype);
    expect(metadata['general.quantization_version']).toBe(2);
    const again = await openModel([{ path: 'a.gguf', blob: new Blob([bytes]) }]);
    const matrices = (all: WeightRef[]) => all.filter(({ shape }) => shape.length > 1);
    const [own, read] = [matrices(storedWeights(model)), matrices(storedWeights(again.model))];
    expect(read).toHaveLength(own.length);
    for (const [i, ref] of own.entries()) expect(await read[i].read(), ref.name).toEqual(await ref.read());
  });

  it.each<[GgufOptions['precision'], DType, number]>([
    ['f32', 'F32', 0],
    ['f16', 'F16', 1],
    ['stored', 'BF16', 32],
  ])('%s: matrices in %s', async (precision, expected, file_type) => {
    const model = withTypes(open.model, (ref) => asFloatType(ref, 'BF16'));
    const { types, metadata } = await oracle(await ggufBytes({ ...ggufSource(open), model }, { precision }));
    for (const [name, type] of types) expect([name, type]).toEqual([name, /norm|bias/.test(name) ? 'F32' : expected]);
    expect(metadata['general.file_type']).toBe(file_type);
  });

  it('widened F8 becomes F16', async () => {
    const model = withTypes(open.model, (ref) => ({
      ...ref,
      stored: { dtype: 'F8_E4M3', bytes: elementCount(ref.shape) },
    }));
    const { types } = await oracle(await ggufBytes({ ...ggufSource(open), model }));
    expect(types.get('token_embd.weight')).toBe('F16');
    expect(types.get('output_norm.weight')).toBe('F32');
  });
});

describe('the file', () => {
  it('has the keys and the names that llama.cpp looks for', async () => {
    const { metadata, tensorInfos } = await oracle(await ggufBytes(ggufSource(open)));
    const { config } = open;
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'stablelm',
      'general.name': 'stablelm',
      'general.alignment': 32,
      'stablelm.block_count': config.num_hidden_layers,
      'stablelm.context_length': config.max_position_embeddings,
      'stablelm.embedding_length': config.hidden_size,
      'stablelm.feed_forward_length': config.intermediate_size,
      'stablelm.attention.head_count': config.num_attention_heads,
      'stablelm.attention.head_count_kv': config.num_key_value_heads,
      'stablelm.vocab_size': config.vocab_size,
      'stablelm.rope.freq_base': 5000,
      'stablelm.use_parallel_residual': false,
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
    });
    expect(metadata['tokenizer.ggml.tokens']).toHaveLength(config.vocab_size);
    for (const { offset } of tensorInfos) expect(offset % 32n).toBe(0n);
    expect(tensorInfos.map(({ name }) => name)).toContain('blk.1.ffn_gate.weight');
  });

  it('is streamed: no write is larger than a chunk or the header, and progress ends with everything', async () => {
    const memory = memoryFiles();
    const progress: [number, number][] = [];
    const { files } = await writeGguf(
      ggufSource(open),
      { onProgress: (written, total) => progress.push([written, total]) },
      memory.openFile,
    );
    const bytes = memory.bytes(GGUF_FILE);
    expect(memory.longestWrite()).toBeLessThan(bytes.length / 2);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(files).toEqual([{ name: GGUF_FILE, bytes: bytes.length, sha256 }]);
    const [written, total] = progress[progress.length - 1];
    expect(written).toBe(total);
    expect(total).toBeLessThan(bytes.length);
    expect(progress.every(([now], i) => i === 0 || now > progress[i - 1][0])).toBe(true);
  });

  it('is closed after a cancel and after a weight that cannot be read', async () => {
    const controller = new AbortController();
    const memory = memoryFiles();
    const cancelled = writeGguf(
      ggufSource(open),
      { signal: controller.signal, onProgress: () => controller.abort() },
      memory.openFile,
    );
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    memory.bytes(GGUF_FILE); // throws unless closed
    const broken = withTypes(open.model, (ref) =>
      ref === open.model.layers[1].mlp.down_proj.weight ? { ...ref, read: async () => new Uint8Array(4) } : ref,
    );
    const other = memoryFiles();
    const failed = writeGguf({ ...ggufSource(open), model: broken }, {}, other.openFile);
    await expect(failed).rejects.toMatchObject({ code: 'export_failed', place: { tensor: 'blk.1.ffn_down.weight' } });
    other.bytes(GGUF_FILE);
  });

  it('opens no file for a model that is refused', async () => {
    const memory = memoryFiles();
    const model = { ...open.model, embed_tokens: { ...open.model.embed_tokens, centered: true } };
    const refused = writeGguf({ ...ggufSource(open), model }, {}, memory.openFile);
    await expect(refused).rejects.toMatchObject({ code: 'bad_option', place: { field: 'format' } });
    expect(memory.names()).toEqual([]);
  });
});
