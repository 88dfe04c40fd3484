/**
 * @file `DecoderModel` → ONNX graph, for dense and sliced models of every family alike: plain operators, and two of ONNX
 * Runtime's own where weights are quantised.
 *
 * Shapes in comments: B batch, S tokens of this call, d hidden dimension here (after slicing).
 */
import type { Graph, ValueInfo } from '../../formats/onnx/model.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import { attention, pastName, presentName } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { embedTokens } from './embedding.ts';
import { logitsOf } from './head.ts';
import { project } from './linear.ts';
import { mlp } from './mlp.ts';
import { normalize } from './norm.ts';
import { type Layout, Positions } from './positions.ts';

/** The first operator set with `axes` of ReduceMean as an input; onnxruntime-web 1.30 knows up to 21 and beyond. */
export const OPSET_VERSION = 18;
export const IR_VERSION = 8;

/**
 * `plain`: input `input_ids` int64 (B, S), output `logits` f32 (B, S, vocab_size).
 * `kv_cache`: also `attention_mask` int64 (B, T), `position_ids` int64 (B, S) where the model uses positions, and
 * `past_key_values.{i}.key` and `.value` f32 (B, K, T − S, head_dim); outputs also `present.{i}.key` and `.value`.
 */
export function decoderGraph(model: DecoderModel, layout: Layout = 'plain'): Graph {
  const builder = new GraphBuilder();
  const positions = new Positions(builder, layout);
  let hidden = embedTokens(builder, model, positions);
  for (const layer of model.layers) hidden = decoderLayer(builder, layer, hidden, positions);
  hidden = normalize(builder, model.norm, hidden, '/model/norm', 'model.norm');
  builder.output(logitsOf(builder, model, hidden), 'logits');
  const { inputs, outputs } = interfaceOf(model, layout);
  return builder.finish(model.config.model_type, inputs, outputs);
}

function decoderLayer(builder: GraphBuilder, layer: DecoderLayer, x: Value, positions: Positions): Value {
  const scope = `/model/layers.${layer.index}`;
  const weights = `model.layers.${layer.index}`;
  const norm = (name: keyof DecoderLayer & `${string}norm`, states: Value) =>
    normalize(builder, layer[name], states, `${scope}/${name}`, `${weights}.${name}`);
  const shortcut = (name: 'attn_shortcut_Q' | 'mlp_shortcut_Q', states: Value) =>
    project(builder, layer[name], states, `${scope}/${name}`, `${weights}.${name}`);
  const branch = (name: 'attention_output_norm' | 'mlp_output_norm', states: Value) =>
    builder.scaled(`${scope}/${name}/Multiplier`, norm(name, states), layer.residual_multiplier);
  const add = (a: Value, b: Value, name: string) => builder.node('Add', `${scope}/${name}/residual/Add`, [a, b]);

  const normed = norm('input_layernorm', x);
  const attended = branch(
    'attention_output_norm',
    attention(builder, layer, normed, positions, `${scope}/self_attn`, `${weights}.self_attn`),
  );
  const h = add(shortcut('attn_shortcut_Q', x), attended, 'self_attn');
  // A parallel layer's MLP reads the layer's input; often through the very norm that the attention reads.
  const isShared = layer.parallel && layer.post_attention_layernorm === layer.input_layernorm;
  const normedMiddle = isShared ? normed : norm('post_attention_layernorm', layer.parallel ? x : h);
  const expanded = branch('mlp_output_norm', mlp(builder, layer.mlp, normedMiddle, `${scope}/mlp`, `${weights}.mlp`));
  return add(layer.parallel ? h : shortcut('mlp_shortcut_Q', h), expanded, 'mlp');
}

function interfaceOf(model: DecoderModel, layout: Layout): { inputs: ValueInfo[]; outputs: ValueInfo[] } {
  const tokens = ['batch_size', 'sequence_length'];
  const inputs: ValueInfo[] = [{ name: 'input_ids', data_type: 'INT64', shape: tokens }];
  const outputs: ValueInfo[] = [
    { name: 'logits', data_type: 'FLOAT', shape: [...tokens, model.lm_head.weight.shape[0]] },
  ];
  if (layout === 'plain') return { inputs, outputs };
  inputs.push({ name: 'attention_mask', data_type: 'INT64', shape: ['batch_size', 'total_sequence_length'] });
  if (usesPositions(model)) inputs.push({ name: 'position_ids', data_type: 'INT64', shape: tokens });
  for (const { index, attention: part } of model.layers) {
    const cache = (length: string) => ['batch_size', part.num_key_value_heads, length, part.head_dim];
    for (const name of ['key', 'value'] as const) {
      inputs.push({ name: pastName(index, name), data_type: 'FLOAT', shape: cache('past_sequence_length') });
      outputs.push({ name: presentName(index, name), data_type: 'FLOAT', shape: cache('total_sequence_length') });
    }
  }
  return { inputs, outputs };
}

/** ALiBi needs no positions: an input that nothing reads would be left out by some runtimes and asked for by others. */
function usesPositions(model: DecoderModel): boolean {
  return model.embed_tokens.positions !== undefined || model.layers.some(({ attention: part }) => part.rotary);
}
