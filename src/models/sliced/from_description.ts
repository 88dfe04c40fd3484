/**
 * @file {@link DecoderDescription} + checkpoint → canonical model. Follows the residual stream from the embedding to the
 * head: its size is a column count of the embedding, and changes only at shortcuts, so that the shape of every tensor is
 * known before it is looked at. Reads no weight.
 */
import type { Checkpoint } from '../../formats/checkpoint.ts';
import type { BuiltModel } from '../build_model.ts';
import type { DecoderLayer, Embedding, Head } from '../decoder_model.ts';
import { buildDescribedLayer } from './described_layer.ts';
import { DescribedWeights } from './described_weights.ts';
import type { DecoderDescription } from './description.ts';

/**
 * @param file The config's name, for errors.
 * @throws `bad_config` (parts that contradict each other), `missing_tensor`, `shape_mismatch`, `unknown_architecture`.
 */
export function modelFromDescription(
  description: DecoderDescription,
  checkpoint: Checkpoint,
  file: string,
): BuiltModel {
  const weights = new DescribedWeights(description, checkpoint, file);
  checkLists(weights);
  const { embed_tokens, dimension } = buildEmbedding(weights);
  const layers: DecoderLayer[] = [];
  let stream = dimension;
  for (const [index, described] of description.layers.entries()) {
    const { layer, output } = buildDescribedLayer(weights, described, index, stream);
    layers.push(layer);
    stream = output;
  }
  const norm = weights.streamNorm(description.norm, 'norm', stream);
  const lm_head = buildHead(weights, stream);
  const model = { config: description.config, embed_tokens, layers, norm, lm_head };
  return { model, warnings: unusedWarning(weights.picker.unused()) };
}

function checkLists(weights: DescribedWeights): void {
  const { config, layers, rotary } = weights.description;
  if (layers.length !== config.num_hidden_layers) {
    const found = `${layers.length} layers are described, but num_hidden_layers is ${config.num_hidden_layers}.`;
    throw weights.contradiction('layers', found, `${config.num_hidden_layers} layers`);
  }
  for (const [i, { dim, inv_freq, long }] of rotary.entries()) {
    for (const [field, values] of [
      ['inv_freq', inv_freq],
      ['long.inv_freq', long?.inv_freq],
    ] as const) {
      if (!values || 2 * values.length === dim) continue;
      const found = `${values.length} frequencies turn ${dim} elements.`;
      throw weights.contradiction(`rotary.${i}.${field}`, found, 'half as many frequencies as elements');
    }
  }
}

function buildEmbedding(weights: DescribedWeights): { embed_tokens: Embedding; dimension: number } {
  const { weight, norm, projection, positions, ...rest } = weights.description.embed_tokens;
  const columns = weights.columnsOf(weight);
  const table = weights.take(weight, [weights.description.config.vocab_size, columns]);
  const projected = projection === undefined ? undefined : weights.takeProjection(projection, columns);
  const dimension = projected ? projected.shape[1] : columns;
  const embed_tokens: Embedding = {
    ...rest,
    weight: table,
    ...(norm && { norm: weights.streamNorm(norm, 'embed_tokens.norm', columns) }),
    ...(projected && { projection: projected }),
    ...(positions && {
      positions: {
        weight: weights.take(positions.weight, [weights.rowsOf(positions.weight), dimension]),
        offset: positions.offset,
      },
    }),
  };
  return { embed_tokens, dimension };
}

function buildHead(weights: DescribedWeights, stream: number): Head {
  const { weight, bias, projection, ...rest } = weights.description.lm_head;
  const { vocab_size } = weights.description.config;
  const projected = projection === undefined ? undefined : weights.takeProjection(projection, stream);
  return {
    ...rest,
    weight: weights.take(weight, [vocab_size, projected ? projected.shape[1] : stream]),
    ...(bias !== undefined && { bias: weights.take(bias, [vocab_size]) }),
    ...(projected && { projection: projected }),
  };
}

function unusedWarning(unused: readonly string[]): string[] {
  if (unused.length === 0) return [];
  const more = unused.length > 5 ? ` and ${unused.length - 5} more` : '';
  return [`Tensors that the description does not use: ${unused.slice(0, 5).join(', ')}${more}.`];
}
