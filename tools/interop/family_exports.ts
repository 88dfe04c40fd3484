/**
 * @file Every family's fixture as Whittle exports it, for other tools to open. usage:
 * npx tsx tools/interop/family_exports.ts FOLDER
 *
 * FOLDER/NAME/source holds the fixture as safetensors, FOLDER/NAME/FROM-PRECISION what Whittle writes of it as safetensors
 * when it was opened from there (hf), from Whittle's ONNX (onnx) or from Whittle's GGUF (gguf).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configText } from '../../src/export/config_text.ts';
import { ggufRefusal } from '../../src/export/gguf/write_gguf.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { type ModelFile, type OpenModel, openModel } from '../../src/models/open_model.ts';
import { describeModel } from '../../src/models/sliced/describe.ts';
import { weightNames } from '../../src/models/sliced/weight_names.ts';
import { families, familyFiles } from '../../test/fixtures/families/family_model.ts';
import { memoryFiles } from '../../test/onnx/memory_files.ts';
import { ggufBytes, ggufSource } from '../../test/support/written_gguf.ts';
import { writeModel } from '../../test/support/written_model.ts';

/** What llama.cpp has built in, and the fixtures have otherwise: they are exported as it has it. */
const BUILT_IN: Record<string, Record<string, unknown>> = {
  gemma2: { query_pre_attn_scalar: 8 },
  gemma3_text: { query_pre_attn_scalar: 8 },
  smollm3: { no_rope_layers: [1, 1, 1, 0] },
};
const PRECISIONS = ['f32', 'f16'] as const;

const folder = process.argv[2];
if (!folder) throw new Error('usage: npx tsx tools/interop/family_exports.ts FOLDER');

for (const family of await families()) {
  const source = await familyFiles(family, { config: BUILT_IN[family.name] });
  const open = await openModel(source);
  const write = (kind: string, files: readonly ModelFile[]) => writeAll(join(folder, family.name, kind), files);
  // transformers tells 30 from 30.0 in a config.
  const config = { path: 'source/config.json', blob: new Blob([configText(open.raw_config)]) };
  await write('source', [...source.filter(({ path }) => !path.endsWith('/config.json')), config]);
  const opened = { hf: open, onnx: await fromOnnx(open, source), gguf: await fromGguf(open) };
  for (const [from, model] of Object.entries(opened)) {
    for (const precision of PRECISIONS) {
      if (!model) continue;
      const { files } = await writeModel(model.model, { config: model.raw_config, precision });
      await write(`${from}-${precision}`, files);
    }
  }
}

async function fromOnnx({ model, raw_config }: OpenModel, source: readonly ModelFile[]): Promise<OpenModel> {
  const files = memoryFiles();
  await writeOnnx(model, { layout: 'plain', precision: 'f32', external_data: 'auto' }, files.openFile);
  const whittle = { decoder: describeModel(model, weightNames(model)) };
  return openModel(
    [
      ...source.filter(({ path }) => path.endsWith('tokenizer.json')),
      { path: 'onnx/config.json', blob: new Blob([configText({ ...raw_config, whittle })]) },
      ...files.names().map((name) => ({ path: `onnx/${name}`, blob: new Blob([files.bytes(name)]) })),
    ].map(({ path, blob }) => ({ path: path.split('/').pop()!, blob })),
  );
}

async function fromGguf(open: OpenModel): Promise<OpenModel | undefined> {
  if (ggufRefusal(open.model, open.raw_config) !== undefined) return undefined;
  const bytes = await ggufBytes(ggufSource(open), { precision: 'f32' });
  return openModel([{ path: 'model.gguf', blob: new Blob([bytes]) }]);
}

async function writeAll(into: string, files: readonly ModelFile[]): Promise<void> {
  for (const { path, blob } of files) {
    const file = join(into, path.slice(path.indexOf('/') + 1));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, new Uint8Array(await blob.arrayBuffer()));
  }
}
