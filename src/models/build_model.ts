/** @file Descriptor + config + checkpoint → {@link DecoderModel}. Checks every shape; reads no weight. */
import type { Checkpoint } from '../formats/checkpoint.ts';
import type { Architecture, DecoderConfig, WeightNames } from './architecture.ts';
import { buildNorm, LayerBuilder } from './build/layer.ts';
import { WeightPicker } from './build/weight_picker.ts';
import type { DecoderModel, Embedding, Head, WeightRef } from './decoder_model.ts';

export interface BuiltModel {
  model: DecoderModel;
  warnings: string[];
}

/**
 * @param picker Absent: hands out the checkpoint's own weights.
 * @throws `missing_tensor`, `shape_mismatch`, `unknown_architecture` (a stored type that cannot be decoded).
 */
export function buildDecoderModel(
  architecture: Architecture,
  config: DecoderConfig,
  checkpoint: Checkpoint,
  picker = new WeightPicker(checkpoint),
): BuiltModel {
  const { weights } = architecture;
  const names = typeof weights === 'function' ? weights(config) : weights;
  const { hidden_size: D, num_hidden_layers } = config;
  const [first] = names.prefixes;
  const prefix = names.prefixes.find((tried) => picker.has(`${tried}${names.embed_tokens}.weight`)) ?? first;
  const warnings = [...(config.warnings ?? [])];

  const embed_tokens = buildEmbedding(picker, config, names, prefix);
  const builder = new LayerBuilder(picker, config, names, prefix + names.layers);
  const layers = Array.from({ length: num_hidden_layers }, (_, index) => builder.build(index));
  const norm = buildNorm(picker, config, prefix + names.norm, D);
  const lm_head = buildHead(picker, config, names, embed_tokens.weight, warnings);
  warnings.push(...unusedWarnings(picker.unused(), architecture));
  return { model: { config, embed_tokens, layers, norm, lm_head }, warnings };
}

function buildEmbedding(picker: WeightPicker, config: DecoderConfig, names: WeightNames, prefix: string): Embedding {
  const { hidden_size: D, vocab_size: V, embedding: { scale, positions } = {} } = config;
  const weight = picker.take(`${prefix}${names.embed_tokens}.weight`, [V, D]);
  const { embedding_norm } = names;
  return {
    weight,
    ...(scale !== undefined && scale !== 1 && { scale }),
    ...(embedding_norm !== undefined && { norm: buildNorm(picker, config, prefix + embedding_norm, D) }),
    ...(positions &&
      names.positions !== undefined && {
        positions: {
          weight: picker.take(`${prefix}${names.positions}.weight`, [positions.rows, D]),
          offset: positions.offset,
        },
      }),
  };
}

function buildHead(
  picker: WeightPicker,
  config: DecoderConfig,
  names: WeightNames,
  embedding: WeightRef,
  warnings: string[],
): Head {
  const { hidden_size: D, vocab_size: V, tie_word_embeddings, head: { bias, scale, soft_cap } = {} } = config;
  const name = names.lm_head.find((tried) => picker.has(`${tried}.weight`)) ?? names.lm_head[0];
  const stored = `${name}.weight`;
  if (tie_word_embeddings && picker.skip(stored)) {
    warnings.push(`The config ties embedding and head, so the stored ${stored} is not used.`);
  }
  return {
    weight: tie_word_embeddings ? embedding : picker.head(stored, [V, D]),
    ...(bias && { bias: picker.take(`${name}.bias`, [V]) }),
    ...(scale !== undefined && scale !== 1 && { scale }),
    ...(soft_cap !== undefined && { soft_cap }),
  };
}

function unusedWarnings(unused: readonly string[], { ignored, left_out = [] }: Architecture): string[] {
  const warnings: string[] = [];
  let rest = unused.filter((name) => !ignored.some((pattern) => pattern.test(name)));
  for (const { pattern, what } of left_out) {
    const left = rest.filter((name) => !pattern.test(name));
    if (left.length < rest.length) warnings.push(`${what} (${rest.length - left.length} tensors) is left out.`);
    rest = left;
  }
  if (rest.length > 0) {
    const more = rest.length > 5 ? ` and ${rest.length - 5} more` : '';
    warnings.push(`Tensors that this architecture does not use: ${rest.slice(0, 5).join(', ')}${more}.`);
  }
  return warnings;
}
