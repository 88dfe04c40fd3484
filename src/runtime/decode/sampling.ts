/** @file From logits to a token. Pure: the same seed gives the same tokens, whatever computed the logits. */
import { WhittleError } from '../../errors/errors.ts';

export interface SamplingOptions {
  /** Divides logits; 0: the most likely token, always. */
  readonly temperature: number;
  /** Only so many of the most likely tokens; 0: all. */
  readonly top_k: number;
  /** Only the most likely tokens that have this probability together (arXiv 1904.09751); 1: all. */
  readonly top_p: number;
  /**
   * Logits of tokens that stand in the text already are divided by it where they are positive, multiplied where not
   * (arXiv 1909.05858); absent or 1: none.
   */
  readonly repetition_penalty?: number;
  readonly seed: number;
}

export const GREEDY: SamplingOptions = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

/** @param seen Tokens of the text so far, for the penalty. */
export type Sampler = (logits: Float32Array, seen?: ReadonlySet<number>) => number;

/** @throws `bad_option`. */
export function sampler(options: SamplingOptions): Sampler {
  checkSampling(options);
  const random = randomNumbers(options.seed);
  return (given, seen) => {
    // Drawn for every token, also where only one is left: texts of equal prefixes stay at the same numbers.
    const drawn = random();
    const logits = penalised(given, seen, options.repetition_penalty ?? 1);
    return options.temperature === 0 ? mostLikely(logits) : draw(logits, options, drawn);
  };
}

function penalised(logits: Float32Array, seen: ReadonlySet<number> | undefined, penalty: number): Float32Array {
  if (penalty === 1 || !seen) return logits;
  const changed = logits.slice();
  for (const id of seen) changed[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
  return changed;
}

/** @throws `bad_option`. */
export function checkSampling({ temperature, top_k, top_p, repetition_penalty = 1, seed }: SamplingOptions): void {
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
  if (!(repetition_penalty > 0 && repetition_penalty <= 10))
    throw wrong('repetition_penalty', repetition_penalty, 'above 0, at most 10; 1: none');
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
  const weights = new Float64Array(logits).map((logit) => Math.exp((logit - largest) / temperature));
  let order: readonly number[] = Array.from(weights.keys());
  if (top_k > 0) order = likeliest(weights, (kept) => kept.length >= top_k).slice(0, top_k);
  if (top_p < 1) {
    const enough = top_p * sumOf(order, weights);
    if (top_k === 0) order = likeliest(weights, (kept) => sumOf(kept, weights) >= enough);
    order = nucleus(order, weights, enough);
  }
  let left = drawn * sumOf(order, weights);
  for (const id of order) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return order[order.length - 1];
}

/**
 * Ids from the likeliest on, those of equal weights in order: as many as are `enough`, and then all that are about as likely.
 * To sort a whole vocabulary for every token would cost more than a small model.
 */
function likeliest(weights: Float64Array, enough: (ids: readonly number[]) => boolean): number[] {
  let ids: number[] = [];
  for (let least = 1e-3; ; least *= 1e-3) {
    const isLast = least < 1e-12;
    ids = [];
    for (let id = 0; id < weights.length; id++) if (isLast || weights[id] >= least) ids.push(id);
    if (isLast || enough(ids)) return ids.sort((a, b) => weights[b] - weights[a] || a - b);
  }
}

/** The first of `order` that have `enough` together. */
function nucleus(order: readonly number[], weights: Float64Array, enough: number): number[] {
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
