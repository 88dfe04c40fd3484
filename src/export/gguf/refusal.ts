/** @file Why a model is not what llama.cpp's graph of its architecture computes. */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { DecoderLayer, ModelOutline, Norm, WeightOutline } from '../../models/decoder_model.ts';
import { alibiSlopes } from '../../models/families/alibi.ts';
import { type GgufGraph, graphOf } from './graphs.ts';
import { globalInterval, linearsOf, orderOf, rotariesOf, windowsOf } from './layer_facts.ts';
import { type RopeFacts, ropeFacts } from './rope.ts';

/** The graph and the rotary embedding that a file says; `local` is that of Gemma 3's layers with windows. */
export interface Expressed {
  readonly graph: GgufGraph;
  readonly rope?: RopeFacts;
  readonly local?: RopeFacts;
}

/** What expresses the model, or one sentence that says why nothing does. */
export function expressModel(model: ModelOutline, raw: RawConfig): Expressed | string {
  const sliced = slicedReason(model);
  if (sliced) return sliced;
  const graph = graphOf(model);
  if (!graph)
    return `Whittle knows no graph of llama.cpp for models of the type ${model.config.model_type}, so it writes no GGUF of them.`;
  const reason = modelReason(model, graph) ?? layersReason(model, graph) ?? windowsReason(model, graph);
  if (reason) return sentence(reason);
  const ropes = ropesOf(model, graph, raw);
  return typeof ropes === 'string' ? sentence(ropes) : { graph, ...ropes };
}

function sentence(reason: string): string {
  const text = reason.startsWith('llama.cpp') ? reason : `GGUF cannot express this model: ${reason}`;
  return `${text}.`;
}

function slicedReason({ embed_tokens, layers, lm_head }: ModelOutline): string | undefined {
  const sliced =
    embed_tokens.projection ||
    embed_tokens.centered ||
    lm_head.projection ||
    layers.some(({ attn_shortcut_Q, mlp_shortcut_Q }) => attn_shortcut_Q || mlp_shortcut_Q);
  if (!sliced) return undefined;
  return "The model is sliced: its shortcuts and projections are matrices that llama.cpp's graphs do not have, so no GGUF file can express it today.";
}

function modelReason(model: ModelOutline, graph: GgufGraph): string | undefined {
  const { config, embed_tokens, lm_head, norm, layers } = model;
  const { architecture } = graph;
  const lacks = (what: string) => `llama.cpp's graph of ${architecture} has no ${what}`;
  const { hidden_size: D, num_attention_heads, head_dim } = config;
  if (layers.length === 0) return 'it has no layers';
  if (graph.square && num_attention_heads * head_dim !== D) return lacks('heads that together differ from the width');
  if (graph.embedding_scale !== 'free' && !near(embed_tokens.scale ?? 1, builtInScale(graph, D))) {
    return lacks(`embedding times ${embed_tokens.scale ?? 1}`);
  }
  if ((embed_tokens.norm !== undefined) !== graph.embedding_norm) {
    return graph.embedding_norm ? lacks('embedding without a norm') : lacks('norm of the embedding');
  }
  const { positions } = embed_tokens;
  if ((positions !== undefined) !== (graph.positions === 'learned')) {
    return positions ? lacks('learned positions') : lacks('model without learned positions');
  }
  if (positions?.offset) return lacks('positions that start further down in their table');
  if (!graph.multipliers && lm_head.scale !== undefined) return lacks('multiplier of the logits');
  if (graph.head === 'table' && lm_head.weight !== embed_tokens.weight) {
    return lacks("head beside the embedding's table, and this model has one");
  }
  const biased = graph.biased.includes('output');
  if ((lm_head.bias !== undefined) !== biased) return lacks(biased ? 'head without a bias' : 'bias of the head');
  const capped = lm_head.soft_cap !== undefined;
  if (capped ? graph.final_soft_cap === 'never' : graph.final_soft_cap === 'always') {
    return lacks(capped ? 'cap of the logits' : 'logits without a cap');
  }
  return [embed_tokens.norm, norm].map((each) => each && normReason(each, model, graph)).find(Boolean);
}

function builtInScale({ embedding_scale }: GgufGraph, hidden_size: number): number {
  return embedding_scale === 'sqrt' ? Math.sqrt(hidden_size) : 1;
}

function near(found: number, expected: number): boolean {
  return Math.abs(found / expected - 1) < 1e-6;
}

function normReason(norm: Norm<WeightOutline>, { norm: last }: ModelOutline, { norm: kind, architecture }: GgufGraph) {
  if (norm.kind !== kind || (norm.bias !== undefined) !== (kind === 'layer_norm') || !norm.weight) {
    return `llama.cpp's graph of ${architecture} has another kind of norm`;
  }
  return norm.eps === last.eps ? undefined : 'its norms have different epsilons';
}

function layersReason(model: ModelOutline, graph: GgufGraph): string | undefined {
  const [first] = model.layers;
  for (const layer of model.layers) {
    const reason = layerReason(layer, model, graph);
    if (reason) return reason;
    const alike =
      orderOf(layer) === orderOf(first) &&
      layer.residual_multiplier === first.residual_multiplier &&
      layer.attention.soft_cap === first.attention.soft_cap &&
      layer.attention.scale === first.attention.scale;
    if (!alike) return `layer ${layer.index} computes in another way than layer ${first.index}`;
    const [channels, of] = [layer, first].map(({ mlp }) => mlp.up_proj.weight.shape[0]);
    if (channels !== of) {
      return `layer ${layer.index} has ${channels} channels in its MLP and layer ${first.index} ${of}, and llama.cpp's graph of ${graph.architecture} has one number for all (width with budget=uniform gives that)`;
    }
  }
  return undefined;
}

function layerReason(layer: DecoderLayer<WeightOutline>, model: ModelOutline, graph: GgufGraph): string | undefined {
  const { attention, mlp, index } = layer;
  const { config } = model;
  const lacks = (what: string) => `llama.cpp's graph of ${graph.architecture} has no ${what} (layer ${index})`;
  if (!graph.orders.includes(orderOf(layer))) return lacks(`layer of the order "${orderOf(layer)}"`);
  if (mlp.activation !== graph.activation) return lacks(`activation ${mlp.activation}, only ${graph.activation}`);
  if ((mlp.gate_proj !== undefined) !== graph.gated) return lacks(graph.gated ? 'MLP without a gate' : 'gate');
  for (const [name, { bias }] of linearsOf(layer)) {
    if (bias ? ![...graph.biased, ...graph.may_be_biased].includes(name) : graph.biased.includes(name)) {
      return lacks(bias ? `bias of ${name}` : `${name} without a bias`);
    }
  }
  const sizes = ['num_attention_heads', 'num_key_value_heads', 'head_dim'] as const;
  if (sizes.some((size) => attention[size] !== config[size])) return lacks('heads that differ from layer to layer');
  if (graph.scale !== 'free' && !near(attention.scale, builtInScores(graph, model))) {
    return lacks(`scale of the scores of ${attention.scale}`);
  }
  if ((attention.soft_cap !== undefined) !== graph.attention_soft_cap) {
    return lacks(graph.attention_soft_cap ? 'scores without a cap' : 'cap of the scores');
  }
  if (!graph.multipliers && layer.residual_multiplier !== undefined) return lacks('multiplier of the residual');
  return normsReason(layer, model, graph) ?? positionsReason(layer, model, graph);
}

function builtInScores({ scale }: GgufGraph, { config, layers }: ModelOutline): number {
  const large = typeof scale === 'object' && scale.large === layers.length;
  return 1 / Math.sqrt(large ? config.hidden_size / config.num_attention_heads : config.head_dim);
}

function normsReason(layer: DecoderLayer<WeightOutline>, model: ModelOutline, graph: GgufGraph): string | undefined {
  const { input_layernorm, post_attention_layernorm, attention_output_norm, mlp_output_norm, attention } = layer;
  const before = graph.branch_norms !== 'after';
  const after = graph.branch_norms !== 'before';
  const present = (norm: Norm<WeightOutline> | undefined, expected: boolean) => (norm !== undefined) === expected;
  const placed =
    [input_layernorm, post_attention_layernorm].every((norm) => present(norm, before)) &&
    [attention_output_norm, mlp_output_norm].every((norm) => present(norm, after));
  if (!placed) return `llama.cpp's graph of ${graph.architecture} has its norms in other places`;
  const { q_norm, k_norm, head_dim, num_attention_heads, num_key_value_heads } = attention;
  const heads = [
    [q_norm, num_attention_heads],
    [k_norm, num_key_value_heads],
  ] as const;
  for (const [norm, count] of heads) {
    const size = graph.head_norm === 'all_heads' ? count * head_dim : head_dim;
    if (!present(norm, graph.head_norm !== undefined) || (norm && norm.normalized_size !== size)) {
      return `llama.cpp's graph of ${graph.architecture} has other norms of queries and keys`;
    }
  }
  return [input_layernorm, post_attention_layernorm, attention_output_norm, mlp_output_norm, q_norm, k_norm]
    .map((norm) => norm && normReason(norm, model, graph))
    .find(Boolean);
}

function positionsReason(
  { attention, index }: DecoderLayer<WeightOutline>,
  { config }: ModelOutline,
  graph: GgufGraph,
) {
  const { rotary, alibi_slopes } = attention;
  const { positions, architecture } = graph;
  const turns = positions === 'rotary' || (positions === 'rotary_but_every_fourth' && (index + 1) % 4 !== 0);
  if ((rotary !== undefined) !== turns) {
    return `llama.cpp's graph of ${architecture} has ${turns ? 'a' : 'no'} rotary embedding in layer ${index}`;
  }
  if (rotary && rotary.dim !== config.head_dim && !graph.partial_rotary) {
    return `llama.cpp's graph of ${architecture} cannot rotate ${rotary.dim} of ${config.head_dim} elements of a head`;
  }
  const slopes = positions === 'alibi' ? alibiSlopes(config.num_attention_heads) : undefined;
  const same =
    alibi_slopes === undefined
      ? slopes === undefined
      : slopes !== undefined && alibi_slopes.every((slope, head) => near(slope, slopes[head]));
  return same ? undefined : `llama.cpp's graph of ${architecture} has ${slopes ? 'other' : 'no'} ALiBi slopes`;
}

function windowsReason(model: ModelOutline, { windows: rule, architecture }: GgufGraph): string | undefined {
  const windows = windowsOf(model);
  const sizes = new Set(windows.filter((window) => window !== undefined));
  if (sizes.size === 0) {
    return rule === 'every_second' ? `llama.cpp's graph of ${architecture} always has sliding windows` : undefined;
  }
  if (rule === undefined) return `llama.cpp's graph of ${architecture} has no sliding windows`;
  const interval = { ignored: 1, every_second: 2, all_but_each_nth: globalInterval(windows) }[rule];
  const fits =
    interval !== undefined &&
    windows.every((window, i) => (window === undefined) === (rule !== 'ignored' && (i + 1) % interval === 0));
  return sizes.size === 1 && fits
    ? undefined
    : `llama.cpp's graph of ${architecture} has its sliding windows in other layers`;
}

function ropesOf(model: ModelOutline, graph: GgufGraph, raw: RawConfig): Omit<Expressed, 'graph'> | string {
  if (!graph.positions.startsWith('rotary')) return {};
  const rotaries = rotariesOf(model, graph.windows === 'all_but_each_nth');
  if (!rotaries) return 'its layers have rotary embeddings of several kinds';
  const facts = (rotary: (typeof rotaries)['global']) =>
    rotary && ropeFacts(rotary, graph, raw, model.config.max_position_embeddings);
  const [global, local] = [facts(rotaries.global), facts(rotaries.local)];
  if (typeof global === 'string') return global;
  if (typeof local === 'string') return local;
  if (local && (local.scaling || local.dim !== (global ?? local).dim)) {
    return `llama.cpp's graph of ${graph.architecture} does not scale the rotary embedding of layers with windows`;
  }
  // Where no layer sees everything, only the base of the others counts.
  return { rope: global ?? local, ...(local && { local }) };
}
