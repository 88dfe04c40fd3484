/**
 * @file The scaling of rotary embeddings, from GGUF's keys and tensors to the parameters of transformers. Llama 3's
 * scaling is stored as a table of divisors, one a frequency; its parameters are found from the table, and a table that
 * they do not explain is kept as it is (LongRoPE's parameters are such tables).
 */
import { quoteText } from '../json.ts';
import { unsupportedGguf } from './errors.ts';
import type { GgufMetadata } from './metadata.ts';

export interface RopeTables {
  /** Divisors of each frequency: `rope_freqs`. */
  readonly freqs?: readonly number[];
  /** LongRoPE's: `rope_factors_short`, `rope_factors_long`. */
  readonly short?: readonly number[];
  readonly long?: readonly number[];
}

export interface RopeSizes {
  readonly theta: number;
  /** Elements of a head that are rotated. */
  readonly dim: number;
  readonly context_length: number;
}

/** `rope.scaling.type` that stand without tables. */
const SCALINGS: readonly string[] = ['none', 'linear', 'yarn'];

export type RopeScaling = Readonly<Record<string, unknown>>;

/** Undefined where nothing is scaled. @param key Puts the architecture's name before a key. */
export function ropeScaling(
  metadata: GgufMetadata,
  key: (name: string) => string,
  { freqs, short, long }: RopeTables,
  sizes: RopeSizes,
): RopeScaling | undefined {
  const original = metadata.integer(key('rope.scaling.original_context_length'), { min: 1 });
  if (short && long) {
    const attention_factor = metadata.number(key('rope.scaling.attn_factor'));
    return {
      type: 'longrope',
      rope_type: 'longrope',
      short_factor: short,
      long_factor: long,
      ...(attention_factor !== undefined && { attention_factor }),
      original_max_position_embeddings: original ?? sizes.context_length,
    };
  }
  for (const name of ['yarn_log_multiplier', 'yarn_ext_factor', 'yarn_attn_factor', 'attn_factor']) {
    const odd = key(`rope.scaling.${name}`);
    if (!metadata.has(odd) || isZero(metadata, odd) || metadata.number(odd) === 1) continue;
    throw unsupportedGguf(metadata.file, `${odd} is ${metadata.show(odd)}, a variant of scaling that is not run.`, {
      field: odd,
      allowed: '1, or no such key',
    });
  }
  const typeKey = key('rope.scaling.type');
  const type = metadata.text(typeKey);
  if (short || long) throw unknownScaling(metadata, typeKey, 'one table of factors without the other');
  if (type !== undefined && !SCALINGS.includes(type)) throw unknownScaling(metadata, typeKey, quoteText(type));
  const factorKey = key('rope.scaling.factor');
  const linearKey = key('rope.scale_linear');
  // Files of 2023 have only the factor; 0 stands for none.
  const factor = isZero(metadata, factorKey) ? undefined : (metadata.number(factorKey) ?? metadata.number(linearKey));
  const scaled = type !== 'none' && factor !== undefined && factor !== 1;
  if (freqs) {
    if (scaled) throw unknownScaling(metadata, typeKey, `a factor of ${factor} and a table, both`);
    return dividedFrequencies(freqs, sizes);
  }
  if (!scaled) return undefined;
  switch (type) {
    case undefined:
    case 'linear':
      return { type: 'linear', rope_type: 'linear', factor };
    case 'yarn': {
      const beta_fast = metadata.number(key('rope.scaling.yarn_beta_fast'));
      const beta_slow = metadata.number(key('rope.scaling.yarn_beta_slow'));
      return {
        type: 'yarn',
        rope_type: 'yarn',
        factor,
        original_max_position_embeddings: original ?? Math.round(sizes.context_length / factor),
        ...(beta_fast !== undefined && { beta_fast }),
        ...(beta_slow !== undefined && { beta_slow }),
      };
    }
  }
  return undefined;
}

function unknownScaling(metadata: GgufMetadata, typeKey: string, by: string): Error {
  return unsupportedGguf(metadata.file, `The rotary embedding is scaled by ${by}.`, {
    field: typeKey,
    allowed: `${SCALINGS.join(', ')}, or tables of factors (rope_freqs, or rope_factors_short and rope_factors_long)`,
  });
}

function isZero(metadata: GgufMetadata, key: string): boolean {
  const value = metadata.get(key);
  return value !== undefined && value.type !== 'array' && value.value === 0;
}

function dividedFrequencies(divisors: readonly number[], sizes: RopeSizes): RopeScaling | undefined {
  if (divisors.every((divisor) => divisor === 1)) return undefined;
  const llama3 = fitLlama3(divisors, sizes);
  if (llama3) return { type: 'llama3', rope_type: 'llama3', ...llama3 };
  return {
    type: 'longrope',
    rope_type: 'longrope',
    short_factor: divisors,
    long_factor: divisors,
    factor: 1,
    attention_factor: 1,
    original_max_position_embeddings: sizes.context_length,
  };
}

interface Llama3 {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/**
 * Between the bands, 1/divisor = (1 − s)/factor + s with s = (original · f/2π − low)/(high − low), so s is a line in the
 * frequency f and two divisors give it. Lengths and factors may be multiplied by one number without a change: low is 1.
 * Undefined where the line does not explain every divisor.
 */
function fitLlama3(divisors: readonly number[], { theta, dim }: RopeSizes): Llama3 | undefined {
  const factor = divisors[divisors.length - 1];
  const turns = divisors.map((_, i) => theta ** ((-2 * i) / dim) / (2 * Math.PI));
  const smooth = divisors.map((divisor) => (1 / divisor - 1 / factor) / (1 - 1 / factor));
  const between = divisors.flatMap((divisor, i) => (divisor !== 1 && divisor !== factor ? [i] : []));
  if (between.length < 2 || factor <= 1) return undefined;
  const first = between[0];
  const last = between[between.length - 1];
  const slope = (smooth[first] - smooth[last]) / (turns[first] - turns[last]);
  const offset = slope * turns[first] - smooth[first];
  if (!(slope > 0 && offset > 0)) return undefined;
  const high = neat(1 + 1 / offset);
  const original = Math.round(slope * (high - 1));
  const explains = divisors.every((divisor, i) => {
    const s = Math.min(1, Math.max(0, (original * turns[i] - 1) / (high - 1)));
    return Math.abs((1 - s) / factor + s - 1 / divisor) * divisor < 1e-5;
  });
  if (!explains || original < 1) return undefined;
  return { factor, low_freq_factor: 1, high_freq_factor: high, original_max_position_embeddings: original };
}

/** The number that was meant: the table is stored in f32. */
function neat(value: number): number {
  const rounded = Math.round(value * 1000) / 1000;
  return Math.abs(rounded - value) < 1e-3 * value ? rounded : value;
}
