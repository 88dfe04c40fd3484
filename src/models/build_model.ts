/** @file Descriptor + config + checkpoint → {@link DecoderModel}. Checks every shape; reads no weight. */
import type { Checkpoint } from '../formats/checkpoint.ts';
import type { Architecture, DecoderConfig, WeightNames } from './architecture.ts';
import { chooseNames } from './build/choose_names.ts';
import { buildNorm, LayerBuilder } from './build/layer.ts';
import { judgeUnused } from './build/unused_tensors.ts';
import { WeightPicker } from './build/weight_picker.ts';
import type { DecoderModel, Embedding, Head, WeightRef } from './decoder_model.ts';

export interface BuiltModel {
  model: DecoderModel;
  warnings: string[];
}

/**
 * @param picker Absent: hands out the checkpoint's own weights.
 * @throws `missing_tensor`, `shape_mismatch`, `unsupported_dtype`, `bad_shard_index`, and `unknown_architecture` for a tensor
 * that changes others and is not understood.
 */
export function buildDecoderModel(
  architecture: Architecture,
  config: DecoderConfig,
  checkpoint: Checkpoint,
  picker = new WeightPicker(checkpoint),
): BuiltModel {
  const names = chooseNames(architecture, config, checkpoint);
  const { hidden_size: D, num_hidden_layers } = config;
  const [first] = names.prefixes;
  const prefix = names.prefixes.find((tried) => picker.has(`${tried}${names.embed_tokens}.weight`)) ?? first;
  const warnings = [...(config.warnings ?? [])];

  const embed_tokens = buildEmbedding(picker, config, names, prefix);
  const builder = new LayerBuilder(picker, config, names, prefix + names.layers);
  const layers = Array.from({ length: num_hidden_layers }, (_, index) => builder.build(index));
  const norm = buildNorm(picker, config, prefix + names.norm, D);
  const lm_head = buildHead(picker, config, names, embed_tokens.weight);
  const beyond = { prefix: prefix + names.layers, count: num_hidden_layers };
  warnings.push(...judgeUnused(checkpoint, picker.unused(), { architecture, layers: beyond }));
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

function buildHead(picker: WeightPicker, config: DecoderConfig, names: WeightNames, embedding: WeightRef): Head {
  const { hidden_size: D, vocab_size: V, tie_word_embeddings, head: { bias, scale, soft_cap } = {} } = config;
  const name = names.lm_head.find((tried) => picker.has(`${tried}.weight`)) ?? names.lm_head[0];
  const stored = `${name}.weight`;
  return {
    weight: tie_word_embeddings ? embedding : picker.head(stored, [V, D]),
    ...(bias && { bias: picker.take(`${name}.bias`, [V]) }),
    ...(scale !== undefined && scale !== 1 && { scale }),
    ...(soft_cap !== undefined && { soft_cap }),
  };
}
