/** The header against @huggingface/gguf: files that Whittle writes, and a real one where WHITTLE_GGUF names it. */
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { afterAll, describe, expect, it } from 'vitest';
import { families } from '../../../test/fixtures/families/family_model.ts';
import { GGUF_NAMES, ggufBlob, ggufFamily } from '../../../test/fixtures/gguf_model.ts';
import { countParameters } from '../../models/model_size.ts';
import { openModel } from '../../models/open_model.ts';
import { blobSource } from '../source.ts';
import { readGgufHeader } from './header.ts';
import { TENSOR_TYPES } from './types.ts';
import { decodeNumbers, decodeStrings, type Value } from './values.ts';
import { type GgufTensorToWrite, writeGguf } from './write.ts';

const folder = mkdtempSync(join(tmpdir(), 'whittle-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A value as the other library gives it: integers of 64 bits as bigint. */
function plain(value: Value): unknown {
  if (value.type !== 'array') return /^u?int64$/.test(value.type) ? BigInt(value.value as number) : value.value;
  const { of } = value;
  if (of === 'string') return decodeStrings(value);
  return of === 'bool' ? [...value.bytes].map(Boolean) : decodeNumbers({ ...value, of });
}

async function expectSameHeader(path: string): Promise<void> {
  const blob = await openAsBlob(path);
  const { metadata, tensors, data_offset, version } = await readGgufHeader(blobSource(basename(path), blob));
  const other = await gguf(path, { allowLocalFile: true });
  const expected = other.metadata as Record<string, unknown>;
  expect(version).toBe(expected.version);
  const own = metadata.keys().map((key) => [key, plain(metadata.get(key)!)]);
  const foreign = Object.entries(expected).filter(([key]) => !['version', 'tensor_count', 'kv_count'].includes(key));
  expect(own).toEqual(foreign);
  expect(tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual(
    other.tensorInfos.map(({ name, dtype, shape }) => [name, TENSOR_TYPES.get(dtype), shape.map(Number).reverse()]),
  );
  expect(BigInt(data_offset)).toBe(other.tensorDataOffset);
  expect(tensors.map(({ offset }) => BigInt(offset - data_offset))).toEqual(
    other.tensorInfos.map(({ offset }) => offset),
  );
}

describe('readGgufHeader and @huggingface/gguf', () => {
  it('read the same in files of every family', async () => {
    for (const family of await families()) {
      if (!GGUF_NAMES[family.name]) continue;
      const path = join(folder, `${family.name}.gguf`);
      writeFileSync(path, new Uint8Array(await (await ggufBlob(ggufFamily(family))).arrayBuffer()));
      await expectSameHeader(path);
    }
  });

  it('read the same where types, alignment and values are mixed', async () => {
    const tensor = (name: string, type: string, shape: number[], bytes: number): GgufTensorToWrite => ({
      name,
      type,
      shape,
      chunks: () => [new Uint8Array(bytes)],
    });
    const metadata = new Map([
      ['general.architecture', { type: 'string', value: 'llama' }],
      ['general.alignment', { type: 'uint32', value: 64 }],
      ['a.uint64', { type: 'uint64', value: 7n }],
      ['a.int64', { type: 'int64', value: -7n }],
      ['a.int8', { type: 'int8', value: -7 }],
      ['a.uint16', { type: 'uint16', value: 65_535 }],
      ['a.float64', { type: 'float64', value: 0.1 }],
      ['a.bool', { type: 'bool', value: true }],
      ['a.list', { type: 'array', of: 'int16', values: [1, -2, 3] }],
      ['a.flags', { type: 'array', of: 'bool', values: [true, false] }],
    ] as const);
    const tensors = [
      tensor('a', 'Q4_K', [3, 256], 432),
      tensor('b', 'F16', [5], 10),
      tensor('c', 'IQ4_NL', [2, 2, 32], 72),
    ];
    const path = join(folder, 'mixed.gguf');
    const parts: Uint8Array[] = [];
    for await (const chunk of writeGguf(metadata, tensors)) parts.push(chunk);
    writeFileSync(path, Buffer.concat(parts));
    await expectSameHeader(path);
  });
});

const real = process.env.WHITTLE_GGUF;
const suite = real ? describe : describe.skip;

suite(real ? 'SmolLM2-135M-Instruct' : 'SmolLM2-135M-Instruct (skipped: WHITTLE_GGUF names no file)', () => {
  it('has the same header in both', async () => expectSameHeader(real!));

  it('opens with its published number of parameters', async () => {
    const { model, config, tokenizer, warnings } = await openModel([
      { path: basename(real!), blob: await openAsBlob(real!) },
    ]);
    expect(countParameters(model)).toBe(134_515_008);
    expect(model.lm_head.weight).toBe(model.embed_tokens.weight);
    expect(config).toMatchObject({ model_type: 'llama', num_hidden_layers: 30, tie_word_embeddings: true });
    expect(warnings).toEqual([]);
    // ids of the model's own tokenizer
    expect([...tokenizer.encode("Hello  world, I am 12345 years\n\told. <|im_start|>café 🙂 don't")]).toEqual([
      19556, 216, 905, 28, 339, 744, 216, 33, 34, 35, 36, 37, 929, 198, 197, 793, 30, 216, 1, 83, 1939, 2756, 47526,
      1326, 982,
    ]);
    // ½ is a number to the Rust library's Digits: the space before it is a piece of its own.
    expect([...tokenizer.encode('2 ½')]).toEqual([34, 216, 16738]);
  });
});
