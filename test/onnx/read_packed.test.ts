/** Whittle's exports of packed and quantised weights open again, with the numbers that they hold. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { type Precision, quantizedModel } from '../../src/export/precision.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { openOnnx } from '../../src/formats/onnx/checkpoint.ts';
import { blobSource } from '../../src/formats/source.ts';
import { type DecoderModel, storedWeights } from '../../src/models/decoder_model.ts';
import { describeModel } from '../../src/models/sliced/describe.ts';
import { modelFromDescription } from '../../src/models/sliced/from_description.ts';
import { weightNames } from '../../src/models/sliced/weight_names.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { oneWindow } from '../support/golden.ts';
import { memoryFiles } from './memory_files.ts';
import { KINDS, packedModel } from './packings.ts';
import { tinyDecoder, tinyTokens } from './tiny_decoder.ts';
import { UNSLICED_LAST, VARIANTS } from './variants.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());
const logits = (model: DecoderModel) => firstWindowLogits(backend, model, oneWindow([...tinyTokens(12)]));

async function reopened(model: DecoderModel, precision: Precision = 'stored', layout?: 'kv_cache') {
  const files = memoryFiles();
  await writeOnnx(model, { external_data: 'auto', precision, layout }, files.openFile);
  const [graph] = files.names().filter((name) => name.endsWith('.onnx'));
  const source = (name: string) => blobSource(name, new Blob([files.bytes(name)]));
  const { checkpoint } = await openOnnx(source(graph), source);
  const description = JSON.parse(JSON.stringify(describeModel(model, weightNames(model))));
  return modelFromDescription(description, checkpoint, 'config.json');
}

describe('packed weights in ONNX', () => {
  it.each(KINDS)('open again with their numbers: %s', async (_, pack) => {
    const plain = tinyDecoder({ dimensions: UNSLICED_LAST, head: 'tied_projection', kv_heads: 2, dtype: 'F32' });
    const written = await packedModel(plain, pack);
    const { model, warnings } = await reopened(written);
    expect(warnings).toEqual([]);
    const held = await quantizedModel(written, 'stored', { keepPacked: true });
    expect(await logits(model)).toEqual(await logits(held));
  });

  it('keep their codes, so that a second export has the bytes of the first', async () => {
    const plain = tinyDecoder({ kv_heads: 2, dtype: 'F32' });
    const [, pack] = KINDS[0];
    const { model } = await reopened(await packedModel(plain, pack));
    const packed = storedWeights(model).flatMap(({ packed }) => (packed ? [packed] : []));
    expect(packed.length).toBeGreaterThan(10);
    for (const packing of packed) expect(packing).toMatchObject({ kind: 'grouped', bits: 4, zero: 'integer' });
    const { model: twice } = await reopened(model);
    expect(await logits(twice)).toEqual(await logits(model));
  });
});

describe('exports in int8 and int4', () => {
  const cases = Object.entries(VARIANTS).map(
    ([name, options], i) => [name, i % 3 === 0 ? ('int8' as const) : ('int4' as const), options] as const,
  );
  it.each(cases)('%s in %s opens again with its numbers', async (name, precision, options) => {
    const plain = tinyDecoder(options);
    const { model, warnings } = await reopened(plain, precision, name.startsWith('Mistral') ? 'kv_cache' : undefined);
    expect(warnings).toEqual([]);
    const held = await quantizedModel(plain, precision, { keepPacked: true });
    const names = weightNames(held);
    const found = new Map([...weightNames(model)].map(([ref, name]) => [name, ref]));
    for (const [ref, own] of names) {
      const other = found.get(own)!;
      expect(decodeStored(await other.read(), other.dtype), own).toEqual(decodeStored(await ref.read(), ref.dtype));
      const rows = { start: 1, end: ref.shape[0] };
      if (ref.shape.length !== 2) continue;
      const part = decodeStored(await other.read(rows), other.dtype);
      expect(part, own).toEqual(decodeStored(await ref.read(), ref.dtype).slice(ref.shape[1]));
    }
    expect(await logits(model)).toEqual(await logits(held));
  });
});
