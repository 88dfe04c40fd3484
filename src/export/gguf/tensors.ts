/** @file The weights of a model under llama.cpp's names, in its order of rows. Source: the tensor names of the gguf package. */
import type { DecoderLayer, DecoderModel, Linear, Norm, WeightRef } from '../../models/decoder_model.ts';
import { asFloatType } from '../../models/weight_views.ts';
import type { GgufGraph } from './graphs.ts';
import { linearsOf, orderOf } from './layer_facts.ts';
import type { Expressed } from './refusal.ts';
import { interleavedRows, raised, stackedRows, tableRef } from './weight_rows.ts';

/** As the file stores it: `ref.dtype` is the tensor's type. */
export interface GgufWeight {
  readonly name: string;
  readonly ref: WeightRef;
}

export function ggufWeights(model: DecoderModel, { graph, rope }: Expressed): GgufWeight[] {
  const { embed_tokens, lm_head, norm, layers } = model;
  const found: GgufWeight[] = [];
  const add = (name: string, ref: WeightRef | undefined) => {
    if (ref) found.push({ name, ref });
  };
  // llama.cpp wants vectors in F32, whatever the matrices are in.
  const vector = (name: string, ref: WeightRef | undefined) => add(name, ref && asFloatType(ref, 'F32'));
  const addNorm = (name: string, from: Norm | undefined) => {
    vector(`${name}.weight`, from?.weight && raised(from.weight, from.weight_offset ?? 0));
    vector(`${name}.bias`, from?.bias);
  };
  const addLinear = (name: string, { weight, bias }: Linear) => {
    add(`${name}.weight`, weight);
    vector(`${name}.bias`, bias);
  };
  for (const [name, values] of Object.entries(rope?.tables ?? {})) add(`${name}.weight`, tableRef(name, values));
  add('token_embd.weight', embed_tokens.weight);
  addNorm('token_embd_norm', embed_tokens.norm);
  add('position_embd.weight', embed_tokens.positions?.weight);
  for (const layer of layers) {
    for (const [name, from] of normsOf(layer, graph)) addNorm(`blk.${layer.index}.${name}`, from);
    for (const [name, linear] of storedLinears(layer, graph)) addLinear(`blk.${layer.index}.${name}`, linear);
  }
  addNorm('output_norm', norm);
  // Where the head must be a tensor of its own, a tied table is written a second time.
  const own = lm_head.weight !== embed_tokens.weight || graph.head === 'own';
  if (own) add('output.weight', lm_head.weight);
  vector('output.bias', lm_head.bias);
  return found;
}

function normsOf(layer: DecoderLayer, { architecture }: GgufGraph): [string, Norm | undefined][] {
  const { input_layernorm, post_attention_layernorm, attention_output_norm, mlp_output_norm, attention } = layer;
  const shared = orderOf(layer) === 'one_norm';
  // Falcon with two norms: llama.cpp calls the MLP's by the first name, and the attention's by one of its own.
  const two = orderOf(layer) === 'two_norms' && architecture === 'falcon';
  return [
    ['attn_norm', two ? post_attention_layernorm : input_layernorm],
    ['attn_norm_2', two ? input_layernorm : undefined],
    ['attn_q_norm', attention.q_norm],
    ['attn_k_norm', attention.k_norm],
    ['post_attention_norm', attention_output_norm],
    ['ffn_norm', shared || two ? undefined : post_attention_layernorm],
    ['post_ffw_norm', mlp_output_norm],
  ];
}

function storedLinears(layer: DecoderLayer, graph: GgufGraph): [string, Linear][] {
  const { head_dim } = layer.attention;
  const linears = new Map<string, Linear>(linearsOf(layer));
  const fuse = (name: string, parts: readonly string[]) => {
    const from = parts.map((part) => linears.get(part)!);
    for (const part of parts) linears.delete(part);
    linears.set(name, stacked(from, name));
  };
  if (graph.interleaved) {
    for (const name of ['attn_q', 'attn_k']) linears.set(name, interleaved(linears.get(name)!, head_dim));
  }
  if (graph.fused_qkv) fuse('attn_qkv', ['attn_q', 'attn_k', 'attn_v']);
  if (graph.fused_gate_up) fuse('ffn_up', ['ffn_gate', 'ffn_up']);
  return [...linears];
}

function interleaved({ weight, bias }: Linear, head_dim: number): Linear {
  return { weight: interleavedRows(weight, head_dim), bias: bias && interleavedRows(bias, head_dim) };
}

function stacked(parts: readonly Linear[], name: string): Linear {
  const biases = parts.map(({ bias }) => bias).filter((bias) => bias !== undefined);
  return {
    weight: stackedRows(
      parts.map(({ weight }) => weight),
      name,
    ),
    ...(biases.length === parts.length && { bias: stackedRows(biases, name) }),
  };
}
