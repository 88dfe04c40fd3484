/** @file The canonical decoder in plain f64 loops, written from its documentation alone: the judge of an exported graph. */
import type {
  Activation,
  Attention,
  DecoderModel,
  Linear,
  Mlp,
  Norm,
  WeightRef,
} from '../../src/models/decoder_model.ts';
import type { TinyWeight } from './tiny_decoder.ts';

type Rows = Float64Array[];

/** logits (T, vocabulary). */
export function naiveForward(model: DecoderModel, tokens: Uint32Array): Rows {
  const { lm_head } = model;
  let hidden = embed(model, tokens);
  for (const layer of model.layers) {
    const m = layer.residual_multiplier ?? 1;
    const scaled = (rows: Rows) => rows.map((row) => row.map((x) => m * x));
    const attended = norm(attend(norm(hidden, layer.input_layernorm), layer.attention), layer.attention_output_norm);
    const h = add(shortcut(hidden, layer.attn_shortcut_Q), scaled(attended));
    const read = norm(layer.parallel ? hidden : h, layer.post_attention_layernorm);
    const expanded = scaled(norm(mlp(read, layer.mlp), layer.mlp_output_norm));
    hidden = add(layer.parallel ? h : shortcut(h, layer.mlp_shortcut_Q), expanded);
  }
  const normed = shortcut(norm(hidden, model.norm), lm_head.projection);
  const cap = lm_head.soft_cap ?? Number.POSITIVE_INFINITY;
  return linear(normed, lm_head).map((row) => row.map((x) => capped((lm_head.scale ?? 1) * x, cap)));
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

function embed({ embed_tokens }: DecoderModel, tokens: Uint32Array): Rows {
  const table = rowsOf(embed_tokens.weight);
  const scale = embed_tokens.scale ?? 1;
  let rows: Rows = Array.from(tokens, (token) => table[token].map((x) => scale * x));
  rows = norm(rows, embed_tokens.norm);
  if (embed_tokens.centered) rows = rows.map(centre);
  rows = shortcut(rows, embed_tokens.projection);
  const { positions } = embed_tokens;
  if (!positions) return rows;
  const learned = rowsOf(positions.weight).slice(positions.offset, positions.offset + tokens.length);
  return add(rows, embed_tokens.centered ? learned.map(centre) : learned);
}

function attend(x: Rows, part: Attention): Rows {
  const { head_dim, num_attention_heads, num_key_value_heads, scale } = part;
  const query = headNorm(linear(x, part.q_proj), part.q_norm);
  const key = headNorm(linear(x, part.k_proj), part.k_norm);
  const value = linear(x, part.v_proj);
  rotate(query, part, num_attention_heads);
  rotate(key, part, num_key_value_heads);
  const context = query.map((row) => new Float64Array(row.length));
  for (let head = 0; head < num_attention_heads; head++) {
    const kv = Math.floor((head * num_key_value_heads) / num_attention_heads) * head_dim;
    const q = head * head_dim;
    for (let t = 0; t < x.length; t++) {
      const first = part.sliding_window === undefined ? 0 : Math.max(0, t - part.sliding_window + 1);
      const shares: number[] = [];
      for (let s = first; s <= t; s++) {
        let score = 0;
        for (let i = 0; i < head_dim; i++) score += query[t][q + i] * key[s][kv + i];
        const slope = part.alibi_slopes?.[head] ?? 0;
        shares.push(Math.exp(capped(score * scale, part.soft_cap ?? Number.POSITIVE_INFINITY) + slope * (s - t)));
      }
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (let s = first; s <= t; s++) {
        for (let i = 0; i < head_dim; i++) context[t][q + i] += (shares[s - first] / total) * value[s][kv + i];
      }
    }
  }
  return linear(context, part.o_proj);
}

/** Complex rotation of the pairs (i, i + dim/2), or (2i, 2i + 1), by position · frequency. */
function rotate(rows: Rows, { rotary, head_dim }: Attention, heads: number): void {
  if (!rotary) return;
  const half = rotary.dim / 2;
  const { inv_freq, attention_factor } = rotary.long && rows.length > rotary.long.beyond ? rotary.long : rotary;
  for (const [position, row] of rows.entries()) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < half; i++) {
        const angle = position * inv_freq[i];
        const from = head * head_dim;
        const [at, other] = rotary.interleaved ? [from + 2 * i, from + 2 * i + 1] : [from + i, from + i + half];
        const [re, im] = [row[at], row[other]];
        row[at] = attention_factor * (re * Math.cos(angle) - im * Math.sin(angle));
        row[other] = attention_factor * (re * Math.sin(angle) + im * Math.cos(angle));
      }
    }
  }
}

function mlp(x: Rows, { gate_proj, up_proj, down_proj, activation }: Mlp): Rows {
  const up = linear(x, up_proj);
  const gate = gate_proj && linear(x, gate_proj);
  const inner = up.map((row, t) =>
    row.map((u, i) => (gate ? activate(gate[t][i], activation) * u : activate(u, activation))),
  );
  return linear(inner, down_proj);
}

function activate(x: number, activation: Activation): number {
  switch (activation) {
    case 'silu':
      return x / (1 + Math.exp(-x));
    case 'relu':
      return Math.max(0, x);
    case 'relu2':
      return Math.max(0, x) ** 2;
    case 'gelu':
      return x * normalCdf(x);
    case 'gelu_tanh':
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  }
}

/** Φ(x) by its series 1/2 + φ(x)·(x + x³/3 + x⁵/15 + …). */
function normalCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

function capped(x: number, cap: number): number {
  return Number.isFinite(cap) ? cap * Math.tanh(x / cap) : x;
}

function norm(x: Rows, part: Norm | undefined): Rows {
  if (!part) return x;
  const weight = part.weight && valuesOf(part.weight);
  const bias = part.bias && valuesOf(part.bias);
  return x.map((row) => {
    const states = part.kind === 'layer_norm' ? centre(row) : row;
    const mean = states.reduce((sum, value) => sum + value * value, 0) / part.normalized_size;
    return states.map((value, i) => {
      const factor = weight ? (part.weight_offset ?? 0) + weight[i] : 1;
      return (value / Math.sqrt(mean + part.eps)) * factor + (bias?.[i] ?? 0);
    });
  });
}

/** The norm of each `normalized_size` elements in turn. */
function headNorm(x: Rows, part: Norm | undefined): Rows {
  if (!part) return x;
  const size = part.normalized_size;
  return x.map((row) => {
    const heads = Array.from({ length: row.length / size }, (_, i) => row.slice(i * size, (i + 1) * size));
    return Float64Array.from(norm(heads, part).flatMap((head) => [...head]));
  });
}

function centre(row: Float64Array): Float64Array {
  const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
  return row.map((x) => x - mean);
}

function linear(x: Rows, { weight, bias }: Linear): Rows {
  const rows = rowsOf(weight);
  const b = bias && valuesOf(bias);
  return x.map((row) =>
    Float64Array.from(rows, (w, j) => w.reduce((sum, value, i) => sum + value * row[i], b?.[j] ?? 0)),
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

function rowsOf(ref: WeightRef): Rows {
  const values = valuesOf(ref);
  const [count, size] = ref.shape;
  return Array.from({ length: count }, (_, i) => values.subarray(i * size, (i + 1) * size));
}

function valuesOf(ref: WeightRef): Float64Array {
  return (ref as TinyWeight).values;
}
