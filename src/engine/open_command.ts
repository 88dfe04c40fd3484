/** @file Command `open`: headers, config and tokenizer; no weight is read. */
import { modelShape } from '../compress/slicegpt/model_shape.ts';
import { countParameters, describeDTypes, modelBytes } from '../models/model_size.ts';
import { type OpenModel, openModel } from '../models/open_model.ts';
import type { EnginePlatform } from './platform.ts';
import type { ModelSource, ModelSummary } from './protocol.ts';
import type { EngineState } from './state.ts';

/** The files of the built-in model; the texts beside it are made at build time. */
const DEMO_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];

export async function openCommand(
  state: EngineState,
  platform: EnginePlatform,
  source: ModelSource,
): Promise<ModelSummary> {
  const started = performance.now();
  const files =
    source.kind === 'demo'
      ? await Promise.all(
          DEMO_FILES.map(async (name) => ({ path: `demo/${name}`, blob: await platform.demoFile(name) })),
        )
      : source.files.map(({ path, file }) => ({ path, blob: file }));
  const open = await openModel(files);
  // Only now: a bad drop must not lose the model that is open.
  await state.dropModel();
  const summary = summarize(open, source.kind === 'demo' ? 'Built-in demo' : open.name);
  state.opened = { open, summary };
  state.load_ms = performance.now() - started;
  return summary;
}

function summarize(open: OpenModel, name: string): ModelSummary {
  const { model, checkpoint } = open;
  const tensors = [...checkpoint.tensors.values()].map(({ name, dtype, shape, bytes }) => ({
    name,
    dtype,
    shape,
    bytes,
  }));
  return {
    name,
    architecture: model.config.architecture,
    parameters: countParameters(model),
    bytes: modelBytes(model),
    dtype: describeDTypes(model),
    files: open.files.map(({ name, bytes }) => ({ name, bytes })),
    tokenizer: open.tokenizer.name,
    shape: modelShape(model),
    num_attention_heads: model.config.num_attention_heads,
    num_key_value_heads: model.config.num_key_value_heads,
    head_dim: model.config.head_dim,
    max_position_embeddings: model.config.max_position_embeddings,
    tensors,
    warnings: [...open.warnings],
  };
}
