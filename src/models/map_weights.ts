/**
 * @file One walk over all weights of a model, for whatever is to be made of each: other weights, outlines, counts. Weights
 * and norms that are shared stay shared.
 */
import type {
  DecoderLayer,
  DecoderModel,
  Linear,
  ModelOutline,
  Norm,
  WeightOutline,
  XieluWeights,
} from './decoder_model.ts';
import { linearsOf, mapInputs } from './input_quantization.ts';

/**
 * `table`: an embedding alone, (vocabulary, d). `head`: what gives logits, (vocabulary, d), tied to the embedding or not.
 * `linear`: (out, in). `projection`: (in, out), shortcuts included. `positions`: (rows, d). `vector`: norms and biases.
 */
export type WeightRole = 'table' | 'head' | 'linear' | 'projection' | 'positions' | 'vector';

/** Every distinct weight in model order, with what it is for: a tied table is a head. */
export function weightRoles<W>(model: DecoderModel<W>): Map<W, WeightRole> {
  const roles = new Map<W, WeightRole>();
  mapWeights(model, (weight, role) => {
    if (!roles.has(weight)) roles.set(weight, role);
    return weight;
  });
  return roles;
}

/** The model with each weight replaced; a weight that `replacements` lacks stays. */
export function replaceWeights<W>(model: DecoderModel<W>, replacements: ReadonlyMap<W, W>): DecoderModel<W> {
  return mapWeights(model, (weight) => replacements.get(weight) ?? weight);
}

/** The model without its numbers: JSON, but for weights with two uses, which stay one object. */
export function outlineOf(model: ModelOutline): ModelOutline {
  const outline = mapWeights(model, ({ name, shape, dtype, stored, packed }) => ({
    name,
    shape,
    dtype,
    ...(stored && { stored }),
    ...(packed && { packed }),
  }));
  return mapInputs(outline, (input) => {
    if (input.kind !== 'clusters') return input;
    const { grid: _, ...rest } = input;
    return rest;
  });
}

/** The model with what `visit` makes of each weight; it is asked once a weight, at its first use. */
export function mapWeights<A, B = A>(
  model: DecoderModel<A>,
  visit: (weight: A, role: WeightRole) => B,
): DecoderModel<B> {
  const made = new Map<A, B>();
  const once = (weight: A, role: WeightRole): B => {
    if (!made.has(weight)) made.set(weight, visit(weight, role));
    return made.get(weight) as B;
  };
  return new Walk(once).model(model);
}

class Walk<A, B> {
  private readonly norms = new Map<Norm<A>, Norm<B>>();

  constructor(private readonly visit: (weight: A, role: WeightRole) => B) {}

  model({ config, embed_tokens, layers, norm, lm_head }: DecoderModel<A>): DecoderModel<B> {
    const { positions } = embed_tokens;
    const embedding = {
      ...embed_tokens,
      weight: this.visit(embed_tokens.weight, embed_tokens.weight === lm_head.weight ? 'head' : 'table'),
      norm: this.norm(embed_tokens.norm),
      projection: this.optional(embed_tokens.projection, 'projection'),
      positions: positions && { ...positions, weight: this.visit(positions.weight, 'positions') },
    };
    return {
      config,
      embed_tokens: embedding,
      layers: layers.map((layer) => this.layer(layer)),
      norm: this.norm(norm),
      lm_head: {
        ...lm_head,
        projection: this.optional(lm_head.projection, 'projection'),
        weight: this.visit(lm_head.weight, 'head'),
        bias: this.optional(lm_head.bias, 'vector'),
      },
    };
  }

  private layer(layer: DecoderLayer<A>): DecoderLayer<B> {
    const { attention, mlp } = layer;
    return {
      ...layer,
      input_layernorm: this.norm(layer.input_layernorm),
      attention: {
        ...attention,
        q_proj: this.linear(attention.q_proj),
        k_proj: this.linear(attention.k_proj),
        v_proj: this.linear(attention.v_proj),
        q_norm: this.norm(attention.q_norm),
        k_norm: this.norm(attention.k_norm),
        o_proj: this.linear(attention.o_proj),
      },
      attention_output_norm: this.norm(layer.attention_output_norm),
      attn_shortcut_Q: this.optional(layer.attn_shortcut_Q, 'projection'),
      post_attention_layernorm: this.norm(layer.post_attention_layernorm),
      mlp: {
        ...mlp,
        gate_proj: mlp.gate_proj && this.linear(mlp.gate_proj),
        up_proj: this.linear(mlp.up_proj),
        down_proj: this.linear(mlp.down_proj),
        xielu: mlp.xielu && this.xielu(mlp.xielu),
      },
      mlp_output_norm: this.norm(layer.mlp_output_norm),
      mlp_shortcut_Q: this.optional(layer.mlp_shortcut_Q, 'projection'),
    };
  }

  private xielu({ alpha_p, alpha_n, beta, eps }: XieluWeights<A>): XieluWeights<B> {
    return {
      alpha_p: this.visit(alpha_p, 'vector'),
      alpha_n: this.visit(alpha_n, 'vector'),
      beta: this.optional(beta, 'vector'),
      eps: this.optional(eps, 'vector'),
    };
  }

  private linear(from: Linear<A>): Linear<B> {
    return { ...from, weight: this.visit(from.weight, 'linear'), bias: this.optional(from.bias, 'vector') };
  }

  private norm<T extends Norm<A> | undefined>(from: T): T extends undefined ? undefined : Norm<B> {
    type Result = T extends undefined ? undefined : Norm<B>;
    if (!from) return undefined as Result;
    const made = this.norms.get(from) ?? {
      ...from,
      weight: this.optional(from.weight, 'vector'),
      bias: this.optional(from.bias, 'vector'),
    };
    this.norms.set(from, made);
    return made as Result;
  }

  private optional(weight: A | undefined, role: WeightRole): B | undefined {
    return weight === undefined ? undefined : this.visit(weight, role);
  }
}

/** Whether two models have the same weights, packings included; types of floats may differ. Names the first that differs. */
export function outlineDifference(a: ModelOutline, b: ModelOutline): string | undefined {
  const [left, right] = [a, b].map((model) => listed(model));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i] !== right[i]) return `${left[i] ?? 'nothing'} where ${right[i] ?? 'nothing'} was expected`;
  }
  return undefined;
}

function listed(model: ModelOutline): string[] {
  const lines: string[] = [];
  mapWeights(model, ({ name, shape, packed }: WeightOutline) =>
    lines.push(`${name} ${JSON.stringify([shape, packed])}`),
  );
  for (const layer of outlineOf(model).layers) {
    for (const { weight, input } of linearsOf(layer)) lines.push(`input of ${weight.name} ${JSON.stringify(input)}`);
  }
  return lines;
}
