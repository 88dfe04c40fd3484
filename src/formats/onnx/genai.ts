/**
 * @file Models of onnxruntime-genai's builder: weights under its names, queries, keys and values packed into one product
 * (`attn.qkv_proj`), as state dicts of transformers have them.
 */
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import type { Parameter } from './weight_uses.ts';

const LAYER = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/;
const PACKED = 'attn.qkv_proj';
const FINAL_NORM = 'final_norm_layernorm';

/** The node that computes a layer's attention; undefined in models of other tools. */
export function attentionNodes(graph: OnnxGraph): OnnxNode[] {
  return graph.nodes.filter(
    ({ op_type, domain }) => domain === 'com.microsoft' && /^(GroupQuery|MultiHead)Attention$/.test(op_type),
  );
}

/** True for names that only the builder gives. */
export function isGenai(parameters: ReadonlyMap<string, Parameter>): boolean {
  return [...parameters.keys()].some((name) => /^model\.layers\.\d+\.attn\./.test(name));
}

/** Parameters under the names of transformers; those of other tools as they are. */
export function genaiParameters(graph: OnnxGraph, parameters: Map<string, Parameter>): Map<string, Parameter> {
  if (!isGenai(parameters)) return parameters;
  const [node] = attentionNodes(graph);
  const queries = node?.ints.get('num_heads')?.[0] ?? 1;
  const keys = node?.ints.get('kv_num_heads')?.[0] ?? queries;
  // Phi calls some of its modules otherwise than Llama; its MLP tells it.
  const isPhi = [...parameters.keys()].some((name) => /\.mlp\.fc1\.weight$/.test(name));
  const renamed = new Map<string, Parameter>();
  for (const [name, parameter] of parameters) {
    const [, index, module, suffix] = LAYER.exec(name) ?? [];
    if (index === undefined) renamed.set(name, parameter);
    else if (module === FINAL_NORM) {
      renamed.set(`model.${isPhi ? 'final_layernorm' : 'norm'}.${suffix}`, withFold(parameter, suffix));
    } else if (module === PACKED) {
      for (const [part, rows] of qkvRows(parameter, queries, keys)) {
        renamed.set(`model.layers.${index}.self_attn.${part}_proj.${suffix}`, { ...parameter, rows });
      }
    } else {
      const own = module.replace(/^attn\.o_proj$/, isPhi ? 'self_attn.dense' : '$&').replace(/^attn\./, 'self_attn.');
      const isNorm = /norm$/.test(module);
      renamed.set(`model.layers.${index}.${own}.${suffix}`, isNorm ? withFold(parameter, suffix) : parameter);
    }
  }
  return renamed;
}

/** The builder adds a family's offset to its norms' weights (Gemma's 1), and keeps their names. */
function withFold(parameter: Parameter, suffix: string): Parameter {
  return suffix === 'weight' ? { ...parameter, folded: true } : parameter;
}

/** All queries, then all keys, then all values. */
function qkvRows(
  { tensor, transposed }: Parameter,
  queries: number,
  keys: number,
): (readonly ['q' | 'k' | 'v', { start: number; end: number }])[] {
  const rows = transposed ? tensor.dims[1] : tensor.dims[0];
  const head = rows / (queries + 2 * keys);
  const ends = [queries * head, (queries + keys) * head, rows].map(Math.round);
  return [
    ['q', { start: 0, end: ends[0] }],
    ['k', { start: ends[0], end: ends[1] }],
    ['v', { start: ends[1], end: ends[2] }],
  ];
}
