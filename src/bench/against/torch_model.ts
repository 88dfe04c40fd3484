/**
 * @file A model and its windows of tokens as files that `tools/bench/torch_job.py` reads: `weights.bin`, all weights in f32
 * one after another, and `model.json`, which names them. Both sides so compute with the same numbers on the same tokens.
 */
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderLayer, DecoderModel, Rotary, WeightRef } from '../../models/decoder_model.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { decodeStored } from '../../tensor/decode.ts';

/** Rows of a matrix that are widened together: a few megabytes. */
const ROWS = 4096;

export interface TorchJob {
  model: DecoderModel;
  calibration: TokenWindows;
  evaluation: TokenWindows;
  /** Columns that slicing keeps. */
  width: number;
}

/** @throws `bad_option` for a model that is not a plain Llama: the script is short and knows no other. */
export async function writeTorchModel(folder: string, { model, calibration, evaluation, width }: TorchJob) {
  const refusal = whyNotPlain(model);
  if (refusal) {
    throw new WhittleError({
      code: 'bad_option',
      message: `The torch side of this comparison cannot run the model: it has ${refusal}.`,
      place: { field: '--model' },
      allowed: 'a plain Llama: RMSNorm, rotary positions over whole heads, gated SiLU, no biases',
      action: 'Leave --model out to compare on the built-in model.',
    });
  }
  const { attention, input_layernorm } = model.layers[0];
  const named = namedWeights(model);
  const rotary = attention.rotary as Rotary;
  const description = {
    hidden_size: model.config.hidden_size,
    layers: model.layers.length,
    heads: attention.num_attention_heads,
    kv_heads: attention.num_key_value_heads,
    head_dim: attention.head_dim,
    scale: attention.scale,
    eps: input_layernorm?.eps,
    inv_freq: rotary.inv_freq,
    interleaved: rotary.interleaved,
    seqlen: evaluation.seqlen,
    width,
    calibration: [...calibration.ids],
    evaluation: [...evaluation.ids],
    weights: named.map(([name, { shape }]) => [name, shape]),
  };
  await writeFile(join(folder, 'model.json'), JSON.stringify(description));
  const file = await open(join(folder, 'weights.bin'), 'w');
  try {
    for (const [, weight] of named) {
      const [rows] = weight.shape;
      for (let start = 0; start < rows; start += ROWS) {
        const bytes = await weight.read({ start, end: Math.min(rows, start + ROWS) });
        const { buffer, byteOffset, byteLength } = decodeStored(bytes, weight.dtype);
        await file.write(new Uint8Array(buffer, byteOffset, byteLength));
      }
    }
  } finally {
    await file.close();
  }
}

/** What the script does not know, in words; undefined for a model that it can run. */
export function whyNotPlain({ layers, embed_tokens, norm, lm_head }: DecoderModel): string | undefined {
  const [{ attention: first, input_layernorm }] = layers;
  const { scale, positions, projection, norm: embeddingNorm } = embed_tokens;
  if (scale !== undefined || positions || projection || embeddingNorm) return 'an embedding that is more than a table';
  if (lm_head.bias || lm_head.projection || lm_head.scale !== undefined || lm_head.soft_cap !== undefined) {
    return 'a head that is more than a matrix';
  }
  if (norm.eps !== input_layernorm?.eps) return 'norms of several epsilons';
  for (const layer of layers) {
    const found = unknownIn(layer);
    if (found) return `${found} in layer ${layer.index}`;
    const { attention, input_layernorm: own } = layer;
    const isAlike =
      attention.rotary === first.rotary && attention.scale === first.scale && own?.eps === input_layernorm?.eps;
    if (!isAlike) return 'layers that differ in positions, scale or epsilon';
  }
  return undefined;
}

function unknownIn(layer: DecoderLayer): string | undefined {
  const { attention, mlp, input_layernorm, post_attention_layernorm } = layer;
  if (layer.parallel) return 'parallel branches';
  if (layer.attention_output_norm || layer.mlp_output_norm) return 'norms of outputs';
  if (layer.residual_multiplier !== undefined) return 'a multiplier of branches';
  if (layer.attn_shortcut_Q || layer.mlp_shortcut_Q) return 'shortcuts of an earlier slicing';
  for (const norm of [input_layernorm, post_attention_layernorm]) {
    if (norm?.kind !== 'rms_norm' || !norm.weight || norm.bias || norm.weight_offset) return 'no plain RMSNorm';
  }
  const { rotary, head_dim } = attention;
  if (!rotary || rotary.dim !== head_dim) return 'no rotary positions over whole heads';
  if (rotary.long || rotary.query_scale || rotary.attention_factor !== 1) return 'rotary positions that scale';
  if (attention.q_norm || attention.k_norm) return 'norms of queries or keys';
  if (attention.sliding_window !== undefined) return 'a sliding window';
  if (attention.soft_cap !== undefined || attention.alibi_slopes || attention.clip_qkv !== undefined) {
    return 'scores that are capped, clipped or biased';
  }
  if (!mlp.gate_proj || mlp.activation !== 'silu') return 'an MLP without gated SiLU';
  const { q_proj, k_proj, v_proj, o_proj } = attention;
  const linears = [q_proj, k_proj, v_proj, o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj];
  if (linears.some(({ bias }) => bias)) return 'biases';
  if (linears.some(({ input }) => input)) return 'rounded inputs';
  return undefined;
}

function namedWeights({ embed_tokens, layers, norm, lm_head }: DecoderModel): [string, WeightRef][] {
  const named: [string, WeightRef | undefined][] = [
    ['embed', embed_tokens.weight],
    ['norm', norm.weight],
    ...(lm_head.weight === embed_tokens.weight ? [] : ([['head', lm_head.weight]] as [string, WeightRef][])),
    ...layers.flatMap(({ attention, mlp, input_layernorm, post_attention_layernorm }, i) =>
      Object.entries({
        ...{ norm1: input_layernorm?.weight, q: attention.q_proj.weight, k: attention.k_proj.weight },
        ...{ v: attention.v_proj.weight, o: attention.o_proj.weight, norm2: post_attention_layernorm?.weight },
        ...{ gate: mlp.gate_proj?.weight, up: mlp.up_proj.weight, down: mlp.down_proj.weight },
      }).map(([name, weight]): [string, WeightRef | undefined] => [`${i}.${name}`, weight]),
    ),
  ];
  return named.filter((pair): pair is [string, WeightRef] => pair[1] !== undefined);
}
