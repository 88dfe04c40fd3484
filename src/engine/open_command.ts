/** @file Command `open`: headers, config and tokenizer; no weight is read. */

import { modelShape } from '../compress/slicegpt/model_shape.ts';
import { WhittleError } from '../errors/errors.ts';
import { hasChatTemplate } from '../formats/chat/chat_template.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { countParameters, describeDTypes, modelBytes } from '../models/model_size.ts';
import { type KnownModel, type ModelFile, type OpenModel, openModel } from '../models/open_model.ts';
import { diskTraffic } from '../pulse/traffic.ts';
import { fingerprint } from './fingerprint.ts';
import { holdCached } from './hub_commands.ts';
import type { EnginePlatform } from './platform.ts';
import type { Emit } from './progress.ts';
import type { Commands, ModelFacts, ModelSource, ModelSummary } from './protocol.ts';
import { multiplications } from './sizes.ts';
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
  { source, session, fingerprint: wanted }: Commands['open']['request'],
  emit: Emit,
): Promise<ModelSummary> {
  const started = performance.now();
  const disk_before = diskTraffic();
  const { files, release } = await sourceFiles(platform, source);
  try {
    const open = await openModel(files, (known) =>
      emit({ type: 'facts', facts: factsOf(known, nameOf(known, source)) }),
    );
    const print = await fingerprint(files.filter(({ path }) => isPartOf(open, path)));
    if (wanted && wanted.value !== print) throw anotherModel(open.name, wanted.name);
    // Only now: a bad drop must not lose the model that is open.
    if (session && platform.kept) {
      state.leaveModel(session.engines);
      await platform.kept.enter(session);
    } else await state.dropModel();
    // A report tells the peak since its model was opened.
    if (state.backend) state.backend.memory.peakBytes = state.backend.memory.currentBytes;
    state.peak_heap_bytes = undefined;
    state.disk_before = disk_before;
    const summary = summarize(open, nameOf(open, source), print);
    state.opened = { open, summary, release };
    state.load_ms = performance.now() - started;
    return summary;
  } catch (thrown) {
    release?.();
    throw thrown;
  }
}

function anotherModel(name: string, wanted: string): WhittleError {
  return new WhittleError({
    code: 'another_model',
    message: `These files are not those that the session was made with: they are of ${name}, with other names, sizes or contents.`,
    allowed: `the files of ${wanted} as they were then`,
    action: `Drop or choose the files of ${wanted} again. To work on these, open them without going on with the session.`,
  });
}

/** Weights, config, tokenizer: whatever else lay in a folder makes no other model. */
function isPartOf({ files, tokenizer_files }: OpenModel, path: string): boolean {
  const name = path.split('/').pop();
  // Rank and alpha of an adapter say what its weights are multiplied by.
  if (name === 'adapter_config.json') return true;
  return [...files, ...tokenizer_files].some((file) => file.name.split('/').pop() === name);
}

/** `release`: to be called when the model is closed. */
export async function sourceFiles(
  platform: EnginePlatform,
  source: ModelSource,
): Promise<{ files: ModelFile[]; release?: () => void }> {
  switch (source.kind) {
    case 'demo':
      return {
        files: await Promise.all(
          DEMO_FILES.map(async (name) => ({ path: `demo/${name}`, blob: await platform.demoFile(name) })),
        ),
      };
    case 'files':
      return { files: source.files.map(({ path, file }) => ({ path, blob: file })) };
    case 'hub':
      return holdCached(source.key);
  }
}

function nameOf({ name }: KnownModel, { kind }: ModelSource): string {
  return kind === 'demo' ? 'Built-in demo' : name;
}

function summarize(open: OpenModel, name: string, fingerprint: string): ModelSummary {
  return {
    ...factsOf(open, name),
    fingerprint,
    tokenizer: open.tokenizer.name,
    has_chat_template: hasChatTemplate(open.tokenizer_files),
    has_bos: open.tokenizer.bos.length > 0,
  };
}

function factsOf({ model, checkpoint, files, warnings }: KnownModel, name: string): ModelFacts {
  const tensors = [...checkpoint.tensors.values()].map(({ name, dtype, shape, bytes }) => ({
    name,
    dtype,
    shape,
    bytes,
  }));
  return {
    name,
    architecture: model.config.architecture,
    model_type: model.config.model_type,
    norm: model.norm.kind,
    positions: describePositions(model),
    parameters: countParameters(model),
    bytes: modelBytes(model),
    multiplications_per_token: multiplications(model),
    dtype: describeDTypes(model),
    files: files.map(({ name, bytes }) => ({ name, bytes })),
    shape: modelShape(model),
    num_attention_heads: model.config.num_attention_heads,
    num_key_value_heads: model.config.num_key_value_heads,
    head_dim: model.config.head_dim,
    max_position_embeddings: model.config.max_position_embeddings,
    tensors,
    warnings: [...warnings],
  };
}

/** How a model knows where a token stands; layers without rotary among others with it (SmolLM3) are counted. */
export function describePositions({ embed_tokens, layers }: DecoderModel): string {
  const kinds: string[] = [];
  if (embed_tokens.positions) kinds.push('learned');
  if (layers.some(({ attention }) => attention.alibi_slopes)) kinds.push('ALiBi');
  const turned = layers.filter(({ attention }) => attention.rotary);
  if (turned.length > 0) {
    const { rotary, head_dim } = turned[0].attention;
    const part = rotary && rotary.dim < head_dim ? `, ${rotary.dim} of ${head_dim}` : '';
    const some = turned.length < layers.length ? ` in ${turned.length} of ${layers.length} layers` : '';
    kinds.push(`rotary${part}${some}`);
  }
  return kinds.join(' + ') || 'none';
}
