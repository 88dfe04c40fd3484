/** Whittle's exports, dense and sliced, of every part of the canonical model, through the description in config.json. */
import { afterAll, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { openOnnx } from '../../src/formats/onnx/checkpoint.ts';
import { blobSource } from '../../src/formats/source.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { describeModel } from '../../src/models/sliced/describe.ts';
import { modelFromDescription } from '../../src/models/sliced/from_description.ts';
import { weightNames } from '../../src/models/sliced/weight_names.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { oneWindow } from '../support/golden.ts';
import { memoryFiles } from './memory_files.ts';
import { tinyDecoder, tinyTokens } from './tiny_decoder.ts';
import { VARIANTS } from './variants.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());
const logits = (model: DecoderModel) => firstWindowLogits(backend, model, oneWindow([...tinyTokens(12)]));

it.each(Object.entries(VARIANTS))('%s: opens again with its weights and its logits', async (_, options) => {
  const model = tinyDecoder(options);
  const files = memoryFiles();
  await writeOnnx(model, { external_data: 'always' }, files.openFile);
  const source = (name: string) => blobSource(name, new Blob([files.bytes(name)]));
  const { checkpoint } = await openOnnx(source('model.onnx'), source);

  const names = weightNames(model);
  for (const [ref, name] of names) {
    const { dtype, shape } = ref;
    expect(checkpoint.tensors.get(name), name).toMatchObject({ dtype, shape });
    expect(await checkpoint.read(name), name).toEqual(await ref.read());
  }
  expect([...checkpoint.tensors.keys()].sort()).toEqual([...names.values()].sort());
  const description = JSON.parse(JSON.stringify(describeModel(model, names)));
  const { model: opened } = modelFromDescription(description, checkpoint, 'config.json');
  expect(await logits(opened)).toEqual(await logits(model));
});
