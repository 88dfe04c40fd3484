/** @file A seeded random Llama of thirty layers as files on disk: what a page has to draw of a real model, in seconds. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorToWrite, writeSafetensors } from '../../formats/safetensors/write.ts';
import { encodeFromFloat } from '../../tensor/half.ts';

export const LAYERS = 30;
/** More eigenvalues than a chart draws points. */
export const HIDDEN = 320;
const [HEAD, CHANNELS, VOCABULARY] = [64, 320, 256];

/** Paths of config, tokenizer and weights (about 40 MB), written into `folder`. The same bytes each time. */
export async function writeSyntheticModel(folder: string): Promise<string[]> {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...{ hidden_size: HIDDEN, intermediate_size: CHANNELS, num_hidden_layers: LAYERS, vocab_size: VOCABULARY },
    ...{ num_attention_heads: HIDDEN / HEAD, num_key_value_heads: 1, head_dim: HEAD },
    ...{ max_position_embeddings: 256, rms_norm_eps: 1e-5, rope_theta: 10_000, hidden_act: 'silu' },
    ...{ tie_word_embeddings: true, attention_bias: false, mlp_bias: false },
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeSafetensors(tensors())) chunks.push(chunk);
  const files = {
    'config.json': JSON.stringify(config),
    'tokenizer.json': JSON.stringify(byteTokenizer()),
    'model.safetensors': Buffer.concat(chunks),
  };
  const paths: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    paths.push(join(folder, name));
    await writeFile(paths[paths.length - 1], content);
  }
  return paths;
}

function tensors(): TensorToWrite[] {
  const kv = HEAD;
  const layer = (i: number): [string, number, number][] => [
    [`model.layers.${i}.self_attn.q_proj`, HIDDEN, HIDDEN],
    [`model.layers.${i}.self_attn.k_proj`, kv, HIDDEN],
    [`model.layers.${i}.self_attn.v_proj`, kv, HIDDEN],
    [`model.layers.${i}.self_attn.o_proj`, HIDDEN, HIDDEN],
    [`model.layers.${i}.mlp.gate_proj`, CHANNELS, HIDDEN],
    [`model.layers.${i}.mlp.up_proj`, CHANNELS, HIDDEN],
    [`model.layers.${i}.mlp.down_proj`, HIDDEN, CHANNELS],
  ];
  const all = Array.from({ length: LAYERS }, (_, i) => [
    ...layer(i).map(([name, out, inputs]) => matrix(`${name}.weight`, [out, inputs], Math.sqrt(3 / inputs))),
    ones(`model.layers.${i}.input_layernorm.weight`),
    ones(`model.layers.${i}.post_attention_layernorm.weight`),
  ]);
  return [matrix('model.embed_tokens.weight', [VOCABULARY, HIDDEN], 1), ...all.flat(), ones('model.norm.weight')];
}

let state = 1;

/** Uniform, by a linear congruential generator (Numerical Recipes). */
function matrix(name: string, shape: number[], amplitude: number): TensorToWrite {
  const values = Float32Array.from({ length: shape[0] * shape[1] }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return amplitude * (state / 2 ** 31 - 1);
  });
  return { name, dtype: 'F16', shape, chunks: () => [encodeFromFloat(values, 'F16')] };
}

function ones(name: string): TensorToWrite {
  return {
    name,
    dtype: 'F16',
    shape: [HIDDEN],
    chunks: () => [encodeFromFloat(new Float32Array(HIDDEN).fill(1), 'F16')],
  };
}

/** Byte-level BPE without merges, in GPT-2's alphabet: a byte that prints is itself, the others follow from U+0100. */
function byteTokenizer(): object {
  let next = 0x100;
  const alphabet = Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(prints ? byte : next++);
  });
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    ...{ version: '1.0', added_tokens: [], normalizer: null, post_processor: null },
    ...{ pre_tokenizer: bytes, decoder: { ...bytes, add_prefix_space: true } },
    model: { type: 'BPE', vocab: Object.fromEntries(alphabet.map((symbol, id) => [symbol, id])), merges: [] },
  };
}
