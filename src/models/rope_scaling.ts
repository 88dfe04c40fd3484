/**
 * @file Frequencies of rotary embeddings and their scalings to longer contexts: RoFormer (arXiv 2104.09864), position
 * interpolation (2306.15595), YaRN (2309.00071), LongRoPE (2402.13753) and Llama 3.1's release; defaults as in
 * transformers' `modeling_rope_utils`. All in f64; lengths are in tokens, frequencies in radians per position.
 */

/** What a scaling gives: see {@link Rotary}. */
export interface ScaledFrequencies {
  readonly inv_freq: readonly number[];
  readonly attention_factor: number;
  readonly long?: { readonly beyond: number; readonly inv_freq: readonly number[]; readonly attention_factor: number };
}

/** θ^(−2i/dim) for i < dim/2. */
export function inverseFrequencies(theta: number, dim: number): number[] {
  return Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
}

/** Every position divided by `factor`. */
export function linearScaling(inv_freq: readonly number[], factor: number): ScaledFrequencies {
  return { inv_freq: inv_freq.map((f) => f / factor), attention_factor: 1 };
}

export interface Llama3Parameters {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** Long waves slow down by `factor`, short ones stay, those between are blended. */
export function llama3Scaling(inv_freq: readonly number[], parameters: Llama3Parameters): ScaledFrequencies {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings } = parameters;
  const scaled = inv_freq.map((f) => {
    const waves = (original_max_position_embeddings * f) / (2 * Math.PI);
    if (waves > high) return f;
    if (waves < low) return f / factor;
    const smooth = (waves - low) / (high - low);
    return ((1 - smooth) * f) / factor + smooth * f;
  });
  return { inv_freq: scaled, attention_factor: 1 };
}

export interface YarnParameters {
  readonly factor: number;
  readonly original_max_position_embeddings: number;
  readonly attention_factor?: number | null;
  readonly beta_fast?: number | null;
  readonly beta_slow?: number | null;
  readonly mscale?: number | null;
  readonly mscale_all_dim?: number | null;
  readonly truncate?: boolean | null;
}

/** YaRN §3.2: frequencies that turn often stay, slow ones are interpolated, with a ramp between. */
export function yarnScaling(theta: number, dim: number, parameters: YarnParameters): ScaledFrequencies {
  const { factor, original_max_position_embeddings: length, mscale, mscale_all_dim } = parameters;
  const dimensionAt = (turns: number) => (dim * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = dimensionAt(parameters.beta_fast || 32);
  let high = dimensionAt(parameters.beta_slow || 1);
  if (parameters.truncate ?? true) {
    low = Math.floor(low);
    high = Math.ceil(high);
  }
  low = Math.max(low, 0);
  high = Math.min(high, dim - 1);
  if (low === high) high += 0.001; // else the ramp divides by zero
  const inv_freq = inverseFrequencies(theta, dim).map((f, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (f / factor) * ramp + f * (1 - ramp);
  });
  const magnitude = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const inferred = mscale && mscale_all_dim ? magnitude(mscale) / magnitude(mscale_all_dim) : magnitude(1);
  return { inv_freq, attention_factor: parameters.attention_factor ?? inferred };
}

export interface LongropeParameters {
  /** dim/2 each. */
  readonly short_factor: readonly number[];
  readonly long_factor: readonly number[];
  readonly factor: number;
  readonly original_max_position_embeddings: number;
  readonly attention_factor?: number | null;
}

/** One divisor a frequency: `short_factor` up to the original context, `long_factor` beyond. */
export function longropeScaling(inv_freq: readonly number[], parameters: LongropeParameters): ScaledFrequencies {
  const { factor, original_max_position_embeddings: beyond } = parameters;
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(beyond));
  const attention_factor = parameters.attention_factor ?? inferred;
  const divided = (by: readonly number[]) => inv_freq.map((f, i) => f / by[i]);
  return {
    inv_freq: divided(parameters.short_factor),
    attention_factor,
    long: { beyond, inv_freq: divided(parameters.long_factor), attention_factor },
  };
}
