/**
 * @file Rotary embeddings in GGUF's words: a base and a scaling, or tables of divisors. The canonical model keeps
 * frequencies only, so what the config says is taken where it explains them, and checked; a table explains any.
 */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { Rotary } from '../../models/decoder_model.ts';
import { inverseFrequencies, yarnScaling } from '../../models/rope_scaling.ts';
import type { GgufGraph } from './graphs.ts';

export interface RopeFacts {
  /** Elements of a head that turn. */
  readonly dim: number;
  readonly theta: number;
  readonly scaling?: RopeScaling;
  /** `rope.scaling.attn_factor`. */
  readonly attention_factor?: number;
  /** `rope.scaling.original_context_length`. */
  readonly original_context_length?: number;
  /** Divisors of the frequencies, by the name of their tensor. */
  readonly tables: Readonly<Record<string, readonly number[]>>;
}

export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | { readonly type: 'yarn'; readonly factor: number; readonly beta_fast?: number; readonly beta_slow?: number };

/** Far below what f32 tells apart, far above the rounding of powers in f64. */
const SAME = 1e-9;

/** What the file says of a rotary embedding, or why it cannot. */
export function ropeFacts(
  rotary: Rotary,
  { architecture, rope_tables }: GgufGraph,
  raw: RawConfig,
  context_length: number,
): RopeFacts | string {
  const { dim, inv_freq, attention_factor, interleaved } = rotary;
  if (interleaved) return 'its rotary embedding turns neighbouring elements';
  // A table that holds for every length may be written as LongRoPE with the same table twice.
  const long = rotary.long && !sameLong(rotary) ? rotary.long : undefined;
  const bases = possibleBases(raw, rotary);
  if (long) {
    if (rope_tables !== 'short_and_long' || long.attention_factor !== attention_factor) return longRope(architecture);
    const [theta] = bases;
    const tables = {
      rope_factors_long: divisors(theta, dim, long.inv_freq),
      rope_factors_short: divisors(theta, dim, inv_freq),
    };
    return { dim, theta, attention_factor, original_context_length: long.beyond, tables };
  }
  const original = rope_tables === 'short_and_long' ? { original_context_length: context_length } : {};
  if (attention_factor === 1) {
    for (const theta of bases) {
      const [factor, ...rest] = divisors(theta, dim, inv_freq);
      if (!rest.every((divisor) => Math.abs(divisor / factor - 1) < SAME)) continue;
      const scaling = Math.abs(factor - 1) < SAME ? {} : { scaling: { type: 'linear', factor } as const };
      return { dim, theta, ...scaling, ...original, tables: {} };
    }
  }
  const yarn = yarnFacts(rotary, raw, bases, context_length);
  if (yarn) return yarn;
  if (rope_tables !== 'freqs' || attention_factor !== 1) {
    return `llama.cpp's graph of ${architecture} cannot scale the rotary embedding in this model's way`;
  }
  const [theta] = bases;
  return { dim, theta, tables: { rope_freqs: divisors(theta, dim, inv_freq) } };
}

function longRope(architecture: string): string {
  return `llama.cpp's graph of ${architecture} has no LongRoPE, whose frequencies depend on the length of the text`;
}

function sameLong({ inv_freq, attention_factor, long }: Rotary): boolean {
  return (
    long !== undefined &&
    long.attention_factor === attention_factor &&
    long.inv_freq.every((frequency, i) => frequency === inv_freq[i])
  );
}

function divisors(theta: number, dim: number, inv_freq: readonly number[]): number[] {
  return inverseFrequencies(theta, dim).map((frequency, i) => frequency / inv_freq[i]);
}

const BASE_KEYS = ['rope_theta', 'rotary_emb_base', 'rope_local_base_freq'];

/** Every base that the config names, the usual one, and the one that the frequencies have if they are geometric. */
function possibleBases(raw: RawConfig, { dim, inv_freq }: Rotary): number[] {
  const named: number[] = [];
  const search = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (BASE_KEYS.includes(key) && typeof inner === 'number' && inner > 0) named.push(inner);
      else if (depth < 3) search(inner, depth + 1);
    }
  };
  search(raw, 0);
  const last = inv_freq.length - 1;
  const fitted = last > 0 ? (inv_freq[0] / inv_freq[last]) ** (dim / (2 * last)) : 10_000;
  // The file keeps a base in f32.
  return [...named, 10_000, fitted].map(Math.fround);
}

/** YaRN as llama.cpp computes it: its own attention factor, the ramp's ends rounded to whole dimensions. */
function yarnFacts(rotary: Rotary, raw: RawConfig, bases: readonly number[], context: number): RopeFacts | undefined {
  const given = yarnParameters(raw);
  if (!given) return undefined;
  const number = (key: string): number | undefined => {
    const value = given[key] ?? (key.startsWith('original') ? raw[key] : undefined);
    return typeof value === 'number' && value > 0 ? value : undefined;
  };
  const original = number('original_max_position_embeddings') ?? context;
  const factor = number('factor') ?? context / original;
  const betas = { beta_fast: number('beta_fast'), beta_slow: number('beta_slow') };
  for (const theta of bases) {
    const computed = yarnScaling(theta, rotary.dim, { factor, original_max_position_embeddings: original, ...betas });
    const same =
      Math.abs(computed.attention_factor / rotary.attention_factor - 1) < 1e-6 &&
      computed.inv_freq.every((frequency, i) => Math.abs(frequency / rotary.inv_freq[i] - 1) < 1e-6);
    if (!same) continue;
    const scaling = { type: 'yarn', factor, ...betas } as const;
    return { dim: rotary.dim, theta, scaling, original_context_length: original, tables: {} };
  }
  return undefined;
}

function yarnParameters(raw: RawConfig): RawConfig | undefined {
  const objects = [raw.rope_scaling, raw.rope_parameters].filter(
    (value): value is RawConfig => typeof value === 'object' && value !== null,
  );
  return objects.find(({ rope_type, type }) => (rope_type ?? type) === 'yarn');
}
