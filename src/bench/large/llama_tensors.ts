/** @file Names and shapes of a Llama's weights, as its checkpoints have them, and how they are spread over shards. Pure. */
import type { LlamaSizes } from '../memory_plans.ts';

export interface LlamaTensor {
  name: string;
  dtype: 'BF16';
  shape: number[];
  /** Absent outside the layers. */
  layer?: number;
}

/** In the order in which a forward pass reads them. */
export function llamaTensors({ vocabulary, hidden, intermediate, layers, heads, kvHeads, tied }: LlamaSizes) {
  const keyValue = (hidden / heads) * kvHeads;
  const tensor = (name: string, shape: number[], layer?: number): LlamaTensor => ({
    ...{ name: `${name}.weight`, dtype: 'BF16', shape },
    ...(layer !== undefined && { layer }),
  });
  const ofLayer = (layer: number) => {
    const own = (name: string, ...shape: number[]) => tensor(`model.layers.${layer}.${name}`, shape, layer);
    return [
      own('input_layernorm', hidden),
      own('self_attn.q_proj', hidden, hidden),
      own('self_attn.k_proj', keyValue, hidden),
      own('self_attn.v_proj', keyValue, hidden),
      own('self_attn.o_proj', hidden, hidden),
      own('post_attention_layernorm', hidden),
      own('mlp.gate_proj', intermediate, hidden),
      own('mlp.up_proj', intermediate, hidden),
      own('mlp.down_proj', hidden, intermediate),
    ];
  };
  return [
    tensor('model.embed_tokens', [vocabulary, hidden]),
    ...Array.from({ length: layers }, (_, layer) => ofLayer(layer)).flat(),
    tensor('model.norm', [hidden]),
    ...(tied ? [] : [tensor('lm_head', [vocabulary, hidden])]),
  ];
}

export function tensorBytes({ shape }: Pick<LlamaTensor, 'shape'>): number {
  return 2 * shape.reduce((product, size) => product * size, 1);
}

/** Runs of tensors of at most so many bytes; a tensor that is larger has a shard of its own. */
export function shardsOf(tensors: readonly LlamaTensor[], most_bytes: number): LlamaTensor[][] {
  const shards: LlamaTensor[][] = [];
  let left = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (shards.length === 0 || bytes > left) {
      shards.push([]);
      left = most_bytes;
    }
    shards[shards.length - 1].push(tensor);
    left -= bytes;
  }
  return shards;
}

export function llamaConfig(sizes: LlamaSizes): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: sizes.vocabulary,
    hidden_size: sizes.hidden,
    intermediate_size: sizes.intermediate,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    tie_word_embeddings: sizes.tied,
    torch_dtype: 'bfloat16',
  };
}

/** Bytes as tokens, in GPT-2's printable stand-ins: any text becomes tokens, in a vocabulary of any size. */
export function byteTokenizer(): Record<string, unknown> {
  let next = 0x100;
  const bytes = Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(prints ? byte : next++);
  });
  const end = { id: 256, content: '<|endoftext|>', special: true, normalized: false };
  return {
    version: '1.0',
    added_tokens: [{ ...end, single_word: false, lstrip: false, rstrip: false }],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...bytes, end.content].map((token, id) => [token, id])),
      merges: [],
    },
  };
}
