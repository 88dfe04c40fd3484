/**
 * @file config.json of a model with other sizes than the one it was made from: fewer heads, channels or layers, under the keys
 * of its family. Where layers differ from one another no config says it.
 */
import { WhittleError } from '../errors/errors.ts';
import type { DecoderConfig, LayerConfig } from '../models/architecture.ts';
import type { DecoderModel, ModelConfig, ModelOutline } from '../models/decoder_model.ts';
import { findArchitecture } from '../models/find_architecture.ts';

type Json = Record<string, unknown>;
type Size = 'num_attention_heads' | 'num_key_value_heads' | 'intermediate_size' | 'num_hidden_layers';

/** What families call them; the first is taken where the config has none. */
const KEYS: Readonly<Record<Size, readonly string[]>> = {
  num_attention_heads: ['num_attention_heads', 'n_head', 'num_heads'],
  num_key_value_heads: ['num_key_value_heads', 'num_kv_heads'],
  intermediate_size: ['intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size'],
  num_hidden_layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
};

/** Types whose classes take hidden_size / heads for the size of a head, whatever the config says. */
const HEAD_FROM_WIDTH: ReadonlySet<string> = new Set(
  'opt gpt2 gptj gpt_neox bloom falcon stablelm exaone modernbert-decoder'.split(' '),
);

/** Whether the classes of transformers and transformers.js of this type can have such heads. */
export function isHeadSizeFree({ model_type, hidden_size, num_attention_heads, head_dim }: ModelConfig): boolean {
  return !HEAD_FROM_WIDTH.has(model_type) || num_attention_heads * head_dim === hidden_size;
}

/** The source's config with the model's sizes; unchanged where they are those of the source, or nothing is known of it. */
export function sizedConfig(raw: Readonly<Json>, { config, layers }: DecoderModel): Readonly<Json> {
  const source = sizesOf(raw);
  if (!source) return raw;
  const changed: Json = {};
  const sizes = (Object.keys(KEYS) as Size[]).filter((size) => source[size] !== config[size]);
  for (const size of sizes) changed[KEYS[size].find((key) => raw[key] != null) ?? KEYS[size][0]] = config[size];
  if (source.num_attention_heads !== config.num_attention_heads) {
    changed.head_dim = config.head_dim;
    // A config without the key says: as many as query heads.
    if (
      KEYS.num_key_value_heads.every((key) => raw[key] == null) &&
      config.num_key_value_heads === source.num_key_value_heads
    ) {
      changed.num_key_value_heads = config.num_key_value_heads;
    }
  }
  if (sizes.includes('num_hidden_layers')) Object.assign(changed, layerLists(raw, changed, layers));
  return Object.keys(changed).length === 0 ? raw : { ...raw, ...changed };
}

/** What each layer is, where the config lists it, or where the family's rule by number is no longer true. */
function layerLists(raw: Readonly<Json>, changed: Readonly<Json>, layers: DecoderModel['layers']): Json {
  const windows = layers.map(({ attention }) => attention.sliding_window !== undefined);
  const turns = layers.map(({ attention }) => attention.rotary !== undefined);
  // A list that is longer than the layers would be read from its start.
  const ruled = sizesOf({ ...raw, ...changed, layer_types: undefined, no_rope_layers: undefined })?.layers;
  const isRule = (list: readonly boolean[], of: (layer: LayerConfig) => unknown) =>
    ruled?.every((layer, i) => (of(layer) !== undefined) === list[i]) ?? true;
  return {
    ...((Array.isArray(raw.layer_types) || !isRule(windows, ({ sliding_window }) => sliding_window)) && {
      layer_types: windows.map((has) => (has ? 'sliding_attention' : 'full_attention')),
    }),
    ...((Array.isArray(raw.no_rope_layers) || !isRule(turns, ({ rotary }) => rotary)) && {
      no_rope_layers: turns.map((turn) => (turn ? 1 : 0)),
    }),
  };
}

function sizesOf(raw: Readonly<Json>): DecoderConfig | undefined {
  try {
    return findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
  } catch (reason) {
    if (reason instanceof WhittleError) return undefined;
    throw reason;
  }
}

/** Why the layout of transformers.js cannot hold the model's heads, as a sentence. */
export function cacheRefusal({ config, layers }: ModelOutline): string | undefined {
  const counts = new Set(layers.map(({ attention }) => attention.num_key_value_heads));
  if (counts.size > 1) {
    return `The layers have ${[...counts].sort((a, b) => a - b).join(', ')} key heads, and transformers.js makes caches of one size for all layers.`;
  }
  if (isHeadSizeFree(config)) return undefined;
  return `${config.num_attention_heads} heads of ${config.head_dim} are not the hidden size of ${config.hidden_size}, which transformers.js divides by the heads for models of the type ${config.model_type}.`;
}
