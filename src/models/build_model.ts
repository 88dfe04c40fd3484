/** @file Descriptor + config + checkpoint → {@link DecoderModel}. Checks every shape; reads no weight. */
import { WhittleError } from '../errors/errors.ts';
import type { Checkpoint } from '../formats/checkpoint.ts';
import { isDType } from '../tensor/dtype.ts';
import { formatShape, type Shape, sameShape } from '../tensor/shape.ts';
import type { Architecture, DecoderConfig } from './architecture.ts';
import type { DecoderLayer, DecoderModel, Linear, Norm, WeightRef } from './decoder_model.ts';

export interface BuiltModel {
  model: DecoderModel;
  warnings: string[];
}

/** Throws `missing_tensor`, `shape_mismatch`, `unknown_architecture` (a stored type that cannot be decoded). */
export function buildDecoderModel(
  architecture: Architecture,
  config: DecoderConfig,
  checkpoint: Checkpoint,
): BuiltModel {
  const { weights: names } = architecture;
  const { hidden_size: D, vocab_size: V } = config;
  const picker = new WeightPicker(checkpoint);
  const norm = (name: string): Norm => ({
    kind: architecture.norm,
    weight: picker.take(`${name}.weight`, [D]),
    eps: config.norm_eps,
    normalized_size: D,
  });
  const embed = picker.take(`${names.embed_tokens}.weight`, [V, D]);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) =>
    buildLayer(architecture, config, picker, norm, index),
  );
  const finalNorm = norm(names.norm);
  const headName = `${names.lm_head}.weight`;
  const warnings: string[] = [];
  if (config.tie_word_embeddings && picker.skip(headName)) {
    warnings.push(`The config ties embedding and head, so the stored ${headName} is not used.`);
  }
  const model: DecoderModel = {
    config,
    embed_tokens: { weight: embed },
    layers,
    norm: finalNorm,
    lm_head: { weight: config.tie_word_embeddings ? embed : picker.head(headName, [V, D]) },
  };
  const unexpected = picker.unused().filter((name) => !architecture.ignored.some((pattern) => pattern.test(name)));
  if (unexpected.length > 0) {
    const more = unexpected.length > 5 ? ` and ${unexpected.length - 5} more` : '';
    warnings.push(`Tensors that this architecture does not use: ${unexpected.slice(0, 5).join(', ')}${more}.`);
  }
  return { model, warnings };
}

function buildLayer(
  { weights: names }: Architecture,
  config: DecoderConfig,
  picker: WeightPicker,
  norm: (name: string) => Norm,
  index: number,
): DecoderLayer {
  const { hidden_size: D, intermediate_size: F, num_attention_heads, num_key_value_heads, head_dim } = config;
  const { attention_bias, mlp_bias } = config;
  const query = num_attention_heads * head_dim;
  const keyValue = num_key_value_heads * head_dim;
  const name = (part: keyof typeof names.layer) => `${names.layers}${index}.${names.layer[part]}`;
  const linear = (part: keyof typeof names.layer, out: number, inputs: number, bias: boolean): Linear => ({
    weight: picker.take(`${name(part)}.weight`, [out, inputs]),
    bias: bias ? picker.take(`${name(part)}.bias`, [out]) : undefined,
  });
  return {
    index,
    input_layernorm: norm(name('input_layernorm')),
    attention: {
      q_proj: linear('q_proj', query, D, attention_bias.q),
      k_proj: linear('k_proj', keyValue, D, attention_bias.k),
      v_proj: linear('v_proj', keyValue, D, attention_bias.v),
      o_proj: linear('o_proj', D, query, attention_bias.o),
      num_attention_heads,
      num_key_value_heads,
      head_dim,
      scale: 1 / Math.sqrt(head_dim),
      rotary: config.rotary,
    },
    post_attention_layernorm: norm(name('post_attention_layernorm')),
    mlp: {
      gate_proj: linear('gate_proj', F, D, mlp_bias.gate),
      up_proj: linear('up_proj', F, D, mlp_bias.up),
      down_proj: linear('down_proj', D, F, mlp_bias.down),
      activation: config.activation,
    },
  };
}

/** Hands out weights by name and remembers which were asked for. */
class WeightPicker {
  private readonly taken = new Set<string>();
  private readonly checkpoint: Checkpoint;

  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
  }

  take(name: string, expected: Shape): WeightRef {
    const info = this.checkpoint.tensors.get(name);
    if (!info) {
      throw new WhittleError({
        code: 'missing_tensor',
        message: `The weights hold no ${name}, which the config calls for (shape ${formatShape(expected)}).`,
        place: { tensor: name },
        action: 'Check that config.json and the weights belong together, and that every shard is there.',
      });
    }
    const { file, dtype, shape } = info;
    if (!sameShape(shape, expected)) {
      throw new WhittleError({
        code: 'shape_mismatch',
        message: `${name} has the shape ${formatShape(shape)}, but the config calls for ${formatShape(expected)}.`,
        place: { file, tensor: name },
        allowed: formatShape(expected),
        action: `Check that config.json belongs to these weights, and that ${file} belongs to this model.`,
      });
    }
    if (!isDType(dtype)) {
      throw new WhittleError({
        code: 'unknown_architecture',
        message: `${name} is stored as ${dtype}, which cannot be decoded (a quantised model?).`,
        place: { file, tensor: name },
        allowed: 'F32, F16 or BF16',
        action: 'Open the unquantised version of the model.',
      });
    }
    this.taken.add(name);
    return { name, shape, dtype, read: (rows) => this.checkpoint.read(name, rows) };
  }

  /** The untied head; its absence has one likely cause, which the message names. */
  head(name: string, expected: Shape): WeightRef {
    if (this.checkpoint.tensors.has(name)) return this.take(name, expected);
    throw new WhittleError({
      code: 'missing_tensor',
      message: `The weights hold no ${name}, but config.json does not tie the head to the embedding.`,
      place: { tensor: name, field: 'tie_word_embeddings' },
      action: 'If the model ties them, set "tie_word_embeddings": true in config.json; else fetch the missing shard.',
    });
  }

  skip(name: string): boolean {
    this.taken.add(name);
    return this.checkpoint.tensors.has(name);
  }

  unused(): string[] {
    return [...this.checkpoint.tensors.keys()].filter((name) => !this.taken.has(name));
  }
}
