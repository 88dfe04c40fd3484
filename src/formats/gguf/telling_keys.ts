/**
 * @file Keys of the metadata that change what is computed. One that the family's config does not carry means another model
 * than the one that would be run, so the file is refused with that key named. Source of the names: `Keys` of the gguf package.
 */
import { unsupportedGguf } from './errors.ts';
import type { GgufMetadata } from './metadata.ts';
import type { Value } from './values.ts';

/** Groups in which every key tells, but for {@link READ} and {@link HARMLESS}. */
const TELLING_GROUPS = [
  'attention.',
  'rope.',
  'expert_',
  'experts_',
  'moe_',
  'ssm.',
  'kda.',
  'wkv.',
  'altup.',
  'shortconv.',
  'convnext.',
  'posnet.',
  'swiglu_clamp_',
  'classifier.',
];

/** Keys outside the groups that tell. */
const TELLING: ReadonlySet<string> = new Set([
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'router_logit_softcapping',
  'residual_scale',
  'embedding_scale',
  'logit_scale',
  'use_parallel_residual',
  'nextn_predict_layers',
  'n_deepstack_layers',
  'leading_dense_block_count',
  'interleave_moe_layer_step',
  'full_attention_interval',
  'activation_sparsity_scale',
  'embedding_length_per_layer_input',
  'embedding_length_out',
  'features_length',
  'pooling_type',
  'swin_norm',
  'rescale_every_n_layers',
  'time_mix_extra_dim',
  'time_decay_extra_dim',
  'token_shift_count',
  'decoder_block_count',
]);

/** Read for every family; `rope.ts` judges what scales the rotary embedding. */
const READ: ReadonlySet<string> = new Set([
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.layer_norm_epsilon',
  'attention.layer_norm_rms_epsilon',
  'attention.causal',
  'rope.dimension_count',
  'rope.freq_base',
  'rope.scale_linear',
  'rope.scaling.type',
  'rope.scaling.factor',
  'rope.scaling.original_context_length',
  'rope.scaling.attn_factor',
  'rope.scaling.yarn_log_multiplier',
  'rope.scaling.yarn_ext_factor',
  'rope.scaling.yarn_attn_factor',
  'rope.scaling.yarn_beta_fast',
  'rope.scaling.yarn_beta_slow',
]);

/** Known, and without effect on what is computed. */
const HARMLESS: ReadonlySet<string> = new Set([
  'vocab_size',
  'tensor_data_layout',
  'rope.scaling.finetuned',
  'decoder_start_token_id',
]);

export interface TellingContext {
  readonly architecture: string;
  readonly metadata: GgufMetadata;
  /** Keys that the family's config carries. */
  readonly carried: readonly string[];
  readonly hidden_size: number;
  readonly head_dim: number;
  /** True for families whose attention and MLP read the same input. */
  readonly parallel: boolean;
}

/**
 * Throws `unknown_architecture` for a key that changes what is computed and is not carried. Returns warnings: keys under the
 * architecture's name that are unknown altogether.
 */
export function judgeKeys(context: TellingContext): string[] {
  const { architecture, metadata, carried } = context;
  const prefix = `${architecture}.`;
  const strange: string[] = [];
  for (const key of metadata.keys()) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    if (READ.has(name) || HARMLESS.has(name) || carried.includes(name)) continue;
    const value = metadata.get(key)!;
    if (isNeutral(name, value, context)) continue;
    if (TELLING.has(name) || TELLING_GROUPS.some((group) => name.startsWith(group))) throw refusal(metadata, key, name);
    strange.push(key);
  }
  if (strange.length === 0) return [];
  const listed = strange.slice(0, 5).join(', ') + (strange.length > 5 ? ` and ${strange.length - 5} more` : '');
  return [`The file has keys that Whittle does not know, and that it takes to change nothing: ${listed}.`];
}

/** A value that asks for what is computed without the key. */
function isNeutral(name: string, value: Value, { hidden_size, head_dim, parallel }: TellingContext): boolean {
  if (value.type === 'array') {
    return value.of !== 'string' && value.bytes.every((byte) => byte === 0);
  }
  const given = value.value;
  if (given === 0 || given === false || given === '') return true;
  switch (name) {
    case 'logit_scale':
    case 'residual_scale':
    case 'embedding_scale':
      return given === 1;
    case 'attention.scale':
      return typeof given === 'number' && Math.abs(given * Math.sqrt(head_dim) - 1) < 1e-6;
    case 'embedding_length_out':
      return given === hidden_size;
    case 'attention.key_length_swa':
    case 'attention.value_length_swa':
      return given === head_dim;
    case 'use_parallel_residual':
      return given === parallel;
    // −1 stands for "not said", also where it was written as a uint32.
    case 'pooling_type':
      return given === -1 || given === 2 ** 32 - 1;
    default:
      return false;
  }
}

function refusal(metadata: GgufMetadata, key: string, name: string): Error {
  const found = metadata.show(key);
  const count = Number((metadata.get(key) as { value?: unknown }).value);
  const why: Record<string, string> = {
    expert_count: `The model is a mixture of ${count} experts.`,
    pooling_type: `${key} is ${found}: the model makes one vector of a text, it is not one that predicts tokens.`,
    nextn_predict_layers: `${key} is ${found}: the last layers predict further tokens, which is not run.`,
  };
  return unsupportedGguf(
    metadata.file,
    why[name] ?? `${key} is ${found}, which this architecture does not have in Whittle.`,
    { field: key, allowed: name === 'expert_count' ? 'models with one MLP a layer' : '0, or no such key' },
  );
}
