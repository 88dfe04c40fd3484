/**
 * @file The rotary embedding that a config asks for. transformers 4 writes `rope_theta` and `rope_scaling`, transformers 5
 * puts both into `rope_parameters`; either is read, with transformers' precedence.
 */
import * as v from 'valibot';
import { bad, describeValue, parseConfig, type RawConfig } from '../formats/hf/config.ts';
import { positiveNumber, refused } from './config_fields.ts';
import type { Rotary } from './decoder_model.ts';
import {
  inverseFrequencies,
  linearScaling,
  llama3Scaling,
  longropeScaling,
  type ScaledFrequencies,
  yarnScaling,
} from './rope_scaling.ts';

export interface RotaryOptions {
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  /** Base of the frequencies where the config names none; 10,000 unless given. */
  readonly theta?: number;
  /** How much of each head turns where the config does not say; absent: all, and a config that says less is refused. */
  readonly partial?: number;
  /** Elements of each head that turn, where the family counts them itself (GPT-J's rotary_dim). */
  readonly dim?: number;
  readonly interleaved?: boolean;
  /** Length that scalings start from where the config does not say; max_position_embeddings unless given. */
  readonly original_max_position_embeddings?: number;
}

const optionalPositive = () => v.nullish(positiveNumber());
const factors = () => v.array(positiveNumber(), 'a list of positive numbers');

const COMMON = {
  rope_theta: optionalPositive(),
  partial_rotary_factor: optionalPositive(),
  original_max_position_embeddings: optionalPositive(),
};

/** Parameters of each type of scaling. */
const TYPES = {
  default: v.object(COMMON),
  linear: v.object({ ...COMMON, factor: positiveNumber() }),
  // Scales only beyond max_position_embeddings, and no longer sequence is ever run.
  dynamic: v.object(COMMON),
  llama3: v.object({
    ...COMMON,
    factor: positiveNumber(),
    low_freq_factor: positiveNumber(),
    high_freq_factor: positiveNumber(),
  }),
  yarn: v.object({
    ...COMMON,
    factor: optionalPositive(),
    attention_factor: optionalPositive(),
    beta_fast: optionalPositive(),
    beta_slow: optionalPositive(),
    mscale: v.nullish(v.number('a number')),
    mscale_all_dim: v.nullish(v.number('a number')),
    truncate: v.nullish(v.boolean('true or false')),
  }),
  longrope: v.object({
    ...COMMON,
    factor: optionalPositive(),
    attention_factor: optionalPositive(),
    short_factor: factors(),
    long_factor: factors(),
  }),
};

type RopeType = keyof typeof TYPES;
type Parameters<T extends RopeType> = v.InferOutput<(typeof TYPES)[T]>;

/** Throws `bad_config`, or `unknown_architecture` for a scaling that Whittle does not know. */
export function readRotary(raw: RawConfig, file: string, options: RotaryOptions): Rotary {
  const { field, parameters: given } = ropeParameters(raw, file);
  const type = ropeType(given, field, file);
  const parse = <T extends RopeType>(name: T): Parameters<T> => {
    // parsed under the name of its field, so that an error says rope_scaling.factor
    const parsed = parseConfig(v.object({ [field]: TYPES[name] }), { [field]: given }, file);
    return parsed[field] as Parameters<T>;
  };
  const common = parse('default');
  const outer = parseConfig(v.object(COMMON), raw, file);
  const theta = common.rope_theta ?? outer.rope_theta ?? options.theta ?? 10_000;
  const dim = rotatedDim(common.partial_rotary_factor ?? outer.partial_rotary_factor, options, field, file);
  const original =
    outer.original_max_position_embeddings ??
    common.original_max_position_embeddings ??
    options.original_max_position_embeddings ??
    options.max_position_embeddings;
  const scaled = scale();
  return { dim, ...scaled, interleaved: options.interleaved ?? false };

  function scale(): ScaledFrequencies {
    const inv_freq = inverseFrequencies(theta, dim);
    const context = { original_max_position_embeddings: original };
    const stretch = options.max_position_embeddings / original;
    switch (type) {
      case 'default':
      case 'dynamic':
        return { inv_freq, attention_factor: 1 };
      case 'linear':
        return linearScaling(inv_freq, parse('linear').factor);
      case 'llama3':
        return llama3Scaling(inv_freq, { ...parse('llama3'), ...context });
      case 'yarn': {
        const yarn = parse('yarn');
        return yarnScaling(theta, dim, { ...yarn, factor: yarn.factor ?? stretch, ...context });
      }
      case 'longrope': {
        const longrope = parse('longrope');
        for (const key of ['short_factor', 'long_factor'] as const) {
          if (longrope[key].length === dim / 2) continue;
          const found = `${key} has ${longrope[key].length} entries, but ${dim / 2} frequencies are rotated.`;
          throw bad(file, found, `${field}.${key}`, `${dim / 2} numbers`);
        }
        return longropeScaling(inv_freq, { ...longrope, factor: longrope.factor ?? stretch, ...context });
      }
    }
  }
}

/** The object that describes rotary, and the field that it stands in. */
function ropeParameters(raw: RawConfig, file: string): { field: string; parameters: RawConfig } {
  for (const field of ['rope_scaling', 'rope_parameters']) {
    const value = raw[field];
    if (value === null || value === undefined) continue;
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw bad(file, `${field} is ${describeValue(value)}.`, field, 'an object or null');
    }
    const parameters = value as RawConfig;
    const nested = Object.keys(parameters).find((key) => /_attention$/.test(key));
    if (nested !== undefined) {
      throw refused(file, field, `${field} differs by kind of layer (${nested}).`, 'one set of parameters');
    }
    if (Object.keys(parameters).length > 0) return { field, parameters };
  }
  return { field: 'rope_parameters', parameters: {} };
}

function ropeType(parameters: RawConfig, field: string, file: string): RopeType {
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  // Phi-3's configs have called LongRoPE "su", and "yarn" for a while.
  if (type === 'su' || (type === 'yarn' && parameters.long_factor !== undefined)) return 'longrope';
  if (typeof type === 'string' && Object.hasOwn(TYPES, type)) return type as RopeType;
  const allowed = Object.keys(TYPES).join(', ');
  throw refused(file, field, `The rotary embedding is scaled in another way (${describeValue(type)}).`, allowed);
}

function rotatedDim(
  stored: number | null | undefined,
  { head_dim, partial, dim: counted }: RotaryOptions,
  field: string,
  file: string,
): number {
  if (partial === undefined && counted === undefined && stored != null && stored !== 1) {
    const found = `Only a part of each head is rotated (${stored}).`;
    throw refused(file, field, found, 'a partial_rotary_factor of 1');
  }
  const dim = counted ?? Math.trunc(head_dim * (stored ?? partial ?? 1));
  if (dim === head_dim && dim % 2 !== 0) {
    throw bad(file, `head_dim is ${head_dim}.`, 'head_dim', 'an even number, because rotary turns pairs');
  }
  if (dim < 2 || dim > head_dim || dim % 2 !== 0) {
    const found = `Rotary turns ${dim} of the ${head_dim} elements of each head.`;
    throw bad(file, found, 'partial_rotary_factor', `an even number of elements, 2 to ${head_dim}`);
  }
  return dim;
}
