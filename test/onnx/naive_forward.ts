/** @file The canonical decoder in plain f64 loops, written from its documentation alone: the judge of an exported graph. */
import type { Attention, DecoderModel, Linear, Norm, WeightRef } from '../../src/models/decoder_model.ts';
import type { TinyWeight } from './tiny_decoder.ts';

type Rows = Float64Array[];

/** logits (T, vocabulary). */
export function naiveForward(model: DecoderModel, tokens: Uint32Array): Rows {
  const { embed_tokens, lm_head } = model;
  const size = embed_tokens.weight.shape[1];
  const table = valuesOf(embed_tokens.weight);
  let hidden: Rows = Array.from(tokens, (token) => table.slice(token * size, (token + 1) * size));
  if (embed_tokens.centered) {
    hidden = hidden.map((row) => {
      const mean = row.reduce((sum, x) => sum + x, 0) / size;
      return row.map((x) => x - mean);
    });
  }
  hidden = shortcut(hidden, embed_tokens.projection);
  for (const layer of model.layers) {
    const attended = attend(rmsNorm(hidden, layer.input_layernorm), layer.attention);
    hidden = add(shortcut(hidden, layer.attn_shortcut_Q), attended);
    const normed = rmsNorm(hidden, layer.post_attention_layernorm);
    const gate = linear(normed, layer.mlp.gate_proj);
    const up = linear(normed, layer.mlp.up_proj);
    const product = gate.map((row, t) => row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t][i]));
    hidden = add(shortcut(hidden, layer.mlp_shortcut_Q), linear(product, layer.mlp.down_proj));
  }
  return linear(shortcut(rmsNorm(hidden, model.norm), lm_head.projection), { weight: lm_head.weight });
}

/** Mean negative log-likelihood of tokens 1 … T − 1, in nats. */
export function naiveLoss(logits: Rows, tokens: Uint32Array): number {
  let sum = 0;
  for (let t = 0; t + 1 < tokens.length; t++) {
    const total = logits[t].reduce((s, x) => s + Math.exp(x), 0);
    sum += Math.log(total) - logits[t][tokens[t + 1]];
  }
  return sum / (tokens.length - 1);
}

function attend(x: Rows, part: Attention): Rows {
  const { head_dim, num_attention_heads, num_key_value_heads, scale } = part;
  const query = linear(x, part.q_proj);
  const key = linear(x, part.k_proj);
  const value = linear(x, part.v_proj);
  rotate(query, part, num_attention_heads);
  rotate(key, part, num_key_value_heads);
  const context = query.map((row) => new Float64Array(row.length));
  for (let head = 0; head < num_attention_heads; head++) {
    const kv = Math.floor((head * num_key_value_heads) / num_attention_heads) * head_dim;
    const q = head * head_dim;
    for (let t = 0; t < x.length; t++) {
      const shares: number[] = [];
      for (let s = 0; s <= t; s++) {
        let score = 0;
        for (let i = 0; i < head_dim; i++) score += query[t][q + i] * key[s][kv + i];
        shares.push(Math.exp(score * scale));
      }
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (let s = 0; s <= t; s++) {
        for (let i = 0; i < head_dim; i++) context[t][q + i] += (shares[s] / total) * value[s][kv + i];
      }
    }
  }
  return linear(context, part.o_proj);
}

/** Complex rotation of the pairs (i, i + dim/2) by position · theta^(−2i/dim). */
function rotate(rows: Rows, { rotary, head_dim }: Attention, heads: number): void {
  if (!rotary) return;
  const half = rotary.dim / 2;
  for (const [position, row] of rows.entries()) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < half; i++) {
        const angle = position / rotary.theta ** (i / half);
        const at = head * head_dim + i;
        const [re, im] = [row[at], row[at + half]];
        row[at] = re * Math.cos(angle) - im * Math.sin(angle);
        row[at + half] = re * Math.sin(angle) + im * Math.cos(angle);
      }
    }
  }
}

function rmsNorm(x: Rows, norm: Norm): Rows {
  const weight = norm.weight && valuesOf(norm.weight);
  return x.map((row) => {
    const mean = row.reduce((sum, value) => sum + value * value, 0) / norm.normalized_size;
    return row.map((value, i) => (value / Math.sqrt(mean + norm.eps)) * (weight?.[i] ?? 1));
  });
}

function linear(x: Rows, { weight, bias }: Linear): Rows {
  const [output, input] = weight.shape;
  const w = valuesOf(weight);
  const b = bias && valuesOf(bias);
  return x.map((row) =>
    Float64Array.from({ length: output }, (_, j) => {
      let sum = b?.[j] ?? 0;
      for (let i = 0; i < input; i++) sum += row[i] * w[j * input + i];
      return sum;
    }),
  );
}

/** x·M with M (in, out); no M is the identity. */
function shortcut(x: Rows, matrix: WeightRef | undefined): Rows {
  if (!matrix) return x;
  const [input, output] = matrix.shape;
  const m = valuesOf(matrix);
  return x.map((row) => {
    if (row.length !== input) throw new Error(`${matrix.name}: ${row.length} columns met ${input} rows.`);
    return Float64Array.from({ length: output }, (_, j) =>
      row.reduce((sum, value, i) => sum + value * m[i * output + j], 0),
    );
  });
}

function add(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t][i]));
}

function valuesOf(ref: WeightRef): Float64Array {
  return (ref as TinyWeight).values;
}
