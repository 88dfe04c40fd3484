/**
 * @file `DecoderModel` → ONNX graph, in plain operators only, for dense and sliced models alike.
 *
 * Shapes in comments: B batch, S sequence, d hidden dimension here (after slicing), H heads, K key/value heads.
 */
import type { Graph } from '../formats/onnx/model.ts';
import type { DecoderLayer, DecoderModel, Mlp, Norm } from '../models/decoder_model.ts';
import { attention } from './attention_graph.ts';
import { GraphBuilder, type Value } from './graph_builder.ts';
import { linear } from './linear_graph.ts';

/** The first operator set with `axes` of ReduceMean as an input; onnxruntime-web 1.30 knows up to 21 and beyond. */
export const OPSET_VERSION = 18;
export const IR_VERSION = 8;

/** Input `input_ids` int64 [batch, sequence], output `logits` f32 [batch, sequence, vocab_size]. */
export function decoderGraph(model: DecoderModel): Graph {
  const builder = new GraphBuilder();
  let hidden = embedTokens(builder, model);
  for (const layer of model.layers) hidden = decoderLayer(builder, layer, hidden);
  hidden = rmsNorm(builder, model.norm, hidden, '/model/norm', 'model.norm');
  lmHead(builder, model, hidden);
  return builder.finish(
    model.config.model_type,
    [{ name: 'input_ids', data_type: 'INT64', shape: ['batch', 'sequence'] }],
    [{ name: 'logits', data_type: 'FLOAT', shape: ['batch', 'sequence', model.lm_head.weight.shape[0]] }],
  );
}

function embedTokens(builder: GraphBuilder, model: DecoderModel): Value {
  const { weight, projection, centered } = model.embed_tokens;
  const scope = '/model/embed_tokens';
  // Gather before the cast: only the rows of this text become f32.
  const table = builder.storedWeight(weight, 'model.embed_tokens.weight');
  let hidden = builder.node('Gather', `${scope}/Gather`, [table, 'input_ids']);
  if (weight.dtype !== 'F32') hidden = builder.cast(`${scope}/Cast`, hidden, 'FLOAT');
  if (centered) {
    const mean = builder.node('ReduceMean', `${scope}/ReduceMean`, [hidden, builder.ints([-1])]);
    hidden = builder.node('Sub', `${scope}/Sub`, [hidden, mean]);
  }
  if (!projection) return hidden;
  const matrix = builder.weight(projection, 'model.embed_tokens.projection', `${scope}/projection/Cast`);
  return builder.node('MatMul', `${scope}/projection/MatMul`, [hidden, matrix]);
}

function decoderLayer(builder: GraphBuilder, layer: DecoderLayer, input: Value): Value {
  const scope = `/model/layers.${layer.index}`;
  const weights = `model.layers.${layer.index}`;
  const shortcut = (ref: DecoderLayer['attn_shortcut_Q'], name: string, value: Value): Value => {
    if (!ref) return value;
    const matrix = builder.weight(ref, `${weights}.${name}`, `${scope}/${name}/Cast`);
    return builder.node('MatMul', `${scope}/${name}/MatMul`, [value, matrix]);
  };
  const normed = rmsNorm(
    builder,
    layer.input_layernorm,
    input,
    `${scope}/input_layernorm`,
    `${weights}.input_layernorm`,
  );
  const attended = attention(builder, layer.attention, normed, `${scope}/self_attn`, `${weights}.self_attn`);
  const residual = shortcut(layer.attn_shortcut_Q, 'attn_shortcut_Q', input);
  const middle = builder.node('Add', `${scope}/self_attn/residual/Add`, [residual, attended]);
  const name = 'post_attention_layernorm';
  const normedMiddle = rmsNorm(
    builder,
    layer.post_attention_layernorm,
    middle,
    `${scope}/${name}`,
    `${weights}.${name}`,
  );
  const expanded = mlp(builder, layer.mlp, normedMiddle, `${scope}/mlp`, `${weights}.mlp`);
  const residualMiddle = shortcut(layer.mlp_shortcut_Q, 'mlp_shortcut_Q', middle);
  return builder.node('Add', `${scope}/mlp/residual/Add`, [residualMiddle, expanded]);
}

/** `x / √(Σx²/normalized_size + eps) · weight`: the divisor is the original size, so that deleted channels count as zeros. */
function rmsNorm(builder: GraphBuilder, norm: Norm, x: Value, scope: string, weights: string): Value {
  const squares = builder.node('Mul', `${scope}/Square`, [x, x]);
  const sum = builder.node('ReduceSum', `${scope}/ReduceSum`, [squares, builder.ints([-1])]);
  const size = builder.floats(`constant.normalized_size.${norm.normalized_size}`, norm.normalized_size);
  const mean = builder.node('Div', `${scope}/Mean`, [sum, size]);
  const eps = builder.floats(`constant.eps.${norm.eps}`, norm.eps);
  const root = builder.node('Sqrt', `${scope}/Sqrt`, [builder.node('Add', `${scope}/Add`, [mean, eps])]);
  const normed = builder.node('Div', `${scope}/Div`, [x, root]);
  if (!norm.weight) return normed;
  const weight = builder.weight(norm.weight, `${weights}.weight`, `${scope}/Cast`);
  return builder.node('Mul', `${scope}/Mul`, [normed, weight]);
}

/** SwiGLU: `(silu(x·gateᵀ) · (x·upᵀ))·downᵀ`. */
function mlp(builder: GraphBuilder, { gate_proj, up_proj, down_proj }: Mlp, x: Value, scope: string, weights: string) {
  const gate = linear(builder, gate_proj, x, `${scope}/gate_proj`, `${weights}.gate_proj`);
  const up = linear(builder, up_proj, x, `${scope}/up_proj`, `${weights}.up_proj`);
  const sigmoid = builder.node('Sigmoid', `${scope}/act_fn/Sigmoid`, [gate]);
  const activated = builder.node('Mul', `${scope}/act_fn/Mul`, [gate, sigmoid]);
  const product = builder.node('Mul', `${scope}/Mul`, [activated, up]);
  return linear(builder, down_proj, product, `${scope}/down_proj`, `${weights}.down_proj`);
}

function lmHead(builder: GraphBuilder, model: DecoderModel, hidden: Value): void {
  const { weight, projection } = model.lm_head;
  let input = hidden;
  if (projection) {
    const matrix = builder.weight(projection, 'lm_head.projection', '/lm_head/projection/Cast');
    input = builder.node('MatMul', '/lm_head/projection/MatMul', [hidden, matrix]);
  }
  if (weight !== model.embed_tokens.weight) {
    const matrix = builder.weight(weight, 'lm_head.weight', '/lm_head/Cast', 'transposed');
    builder.output('MatMul', '/lm_head/MatMul', [input, matrix], 'logits');
    return;
  }
  // A tied table is stored once, as the embedding reads it: the head transposes it in the graph.
  const table = builder.weight(weight, 'model.embed_tokens.weight', '/lm_head/Cast');
  const matrix = builder.transpose('/lm_head/Transpose', table, [1, 0]);
  builder.output('MatMul', '/lm_head/MatMul', [input, matrix], 'logits');
}
