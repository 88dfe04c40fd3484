/** @file From logits to a token. Pure: the same seed gives the same tokens, whatever computed the logits. */
import { WhittleError } from '../../errors/errors.ts';

export interface SamplingOptions {
  /** Divides logits; 0: the most likely token, always. */
  readonly temperature: number;
  /** Only so many of the most likely tokens; 0: all. */
  readonly top_k: number;
  /** Only the most likely tokens that have this probability together (arXiv 1904.09751); 1: all. */
  readonly top_p: number;
  readonly seed: number;
}

export const GREEDY: SamplingOptions = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

export type Sampler = (logits: Float32Array) => number;

/** @throws `bad_option`. */
export function sampler(options: SamplingOptions): Sampler {
  checkSampling(options);
  const random = randomNumbers(options.seed);
  return (logits) => {
    // Drawn for every token, also where only one is left: texts of equal prefixes stay at the same numbers.
    const drawn = random();
    return options.temperature === 0 ? mostLikely(logits) : draw(logits, options, drawn);
  };
}

function checkSampling({ temperature, top_k, top_p, seed }: SamplingOptions): void {
  const wrong = (field: string, value: number, allowed: string) =>
    new WhittleError({
      code: 'bad_option',
      message: `${field} is ${value}.`,
      place: { field },
      allowed,
      action: 'Set another value.',
    });
  if (!(temperature >= 0 && temperature <= 10))
    throw wrong('temperature', temperature, '0 to 10; 0: the likeliest token');
  if (!(Number.isInteger(top_k) && top_k >= 0)) throw wrong('top_k', top_k, 'a whole number from 0 on; 0: all tokens');
  if (!(top_p > 0 && top_p <= 1)) throw wrong('top_p', top_p, 'above 0, at most 1; 1: all tokens');
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) throw wrong('seed', seed, 'a whole number below 2³²');
}

/** Index of the largest logit, the first of equals. @throws `non_finite_activations`. */
export function mostLikely(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) throw notANumber();
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

function draw(logits: Float32Array, { temperature, top_k, top_p }: SamplingOptions, drawn: number): number {
  const largest = logits[mostLikely(logits)];
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const isCut = top_k > 0 || top_p < 1;
  // Equal weights keep the order of their ids.
  let order = Array.from(weights.keys());
  if (isCut) order.sort((a, b) => weights[b] - weights[a] || a - b);
  if (top_k > 0) order = order.slice(0, top_k);
  if (top_p < 1) order = nucleus(order, weights, top_p);
  let left = drawn * sumOf(order, weights);
  for (const id of order) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return order[order.length - 1];
}

/** The first of `order` that reach the share together. */
function nucleus(order: readonly number[], weights: Float64Array, share: number): number[] {
  const enough = share * sumOf(order, weights);
  let sum = 0;
  const count = order.findIndex((id) => {
    sum += weights[id];
    return sum >= enough;
  });
  return order.slice(0, count < 0 ? order.length : count + 1);
}

function sumOf(ids: readonly number[], weights: Float64Array): number {
  return ids.reduce((sum, id) => sum + weights[id], 0);
}

/** Uniform in [0, 1), 32 bits each: a counter through a mixing function (splitmix32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function notANumber(): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: 'A logit is not a number.',
    action: 'Activations overflowed or hold NaN. Try the CPU backend, or another model.',
  });
}
