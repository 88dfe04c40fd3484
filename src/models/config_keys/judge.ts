/**
 * @file The keys of a config that nobody has read. Understood or refused: a key that changes what is computed is obeyed by the
 * family's `readConfig`, or it stops the opening here with its name.
 */
import { WhittleError } from '../../errors/errors.ts';
import { describeValue, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { ALWAYS_IDLE, ALWAYS_READ, OF_OTHER_CLASSES, TELLING } from './keys.ts';

/** What a rotary embedding's object may hold; `readRotary` reads them or refuses them. */
const ROPE_FIELDS: ReadonlySet<string> = new Set(
  `type rope_type rope_theta partial_rotary_factor factor original_max_position_embeddings low_freq_factor high_freq_factor
  attention_factor beta_fast beta_slow mscale mscale_all_dim truncate short_factor long_factor full_attention
  sliding_attention finetuned max_position_embeddings`.split(/\s+/),
);

/** @param others Every family, whose keys are known not to matter to this one. */
export function judgeConfigKeys(
  given: RawConfig,
  file: string,
  architecture: Architecture,
  others: readonly Architecture[],
): string[] {
  const { text_config } = given;
  // The language model of a model with more parts: its config stands inside.
  const raw = typeof text_config === 'object' && text_config !== null ? { ...given, ...text_config } : given;
  const own = architecture.config_keys;
  const mine = new Set([...ALWAYS_READ, ...(own?.read ?? []), ...(own?.idle ?? [])]);
  const foreign = new Set([...OF_OTHER_CLASSES, ...others.flatMap(({ config_keys }) => [...keysOf(config_keys)])]);
  if (raw.is_causal === false) throw notCausal(file);
  const passed: string[] = [];
  const strange: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (mine.has(key) || ALWAYS_IDLE.has(key) || key.startsWith('_') || !isActive(key, value, raw)) continue;
    // A family that lists no keys yet takes all that families know for its own.
    if (foreign.has(key)) {
      if (own) passed.push(`${key} (${describeValue(value)})`);
    } else if (TELLING.test(key)) throw refusal(file, key, value, architecture);
    else strange.push(key);
  }
  return [
    said(`${architecture.family} does not read some keys of config.json, in transformers as here`, passed),
    said('config.json has keys that Whittle does not know, and that it takes to change nothing', strange),
    ...ropeFields(raw, own?.rope ?? []),
  ].filter((warning) => warning !== undefined);
}

function* keysOf(keys: Architecture['config_keys']): Iterable<string> {
  if (keys) yield* keys.read;
  if (keys?.idle) yield* keys.idle;
}

/** Fields of the rotary embedding that no type of scaling has: transformers warns of them and goes on. */
function ropeFields(raw: RawConfig, own: readonly string[]): (string | undefined)[] {
  const strange: string[] = [];
  for (const field of ['rope_scaling', 'rope_parameters']) {
    const given = raw[field];
    if (typeof given !== 'object' || given === null) continue;
    for (const [key, value] of Object.entries(given)) {
      if (!ROPE_FIELDS.has(key) && !own.includes(key) && isActive(key, value, raw)) strange.push(`${field}.${key}`);
    }
  }
  return [said('The rotary embedding has fields that transformers does not read either', strange)];
}

/** What every decoder of these families does anyway. */
const USUAL = /^(rms_?norm|layer_?norm|absolute|rope|rotary|default|none|causal|full|full_attention|standard)$/i;

/** False for values that ask for nothing: none, off, empty, a factor of 1, a window that is switched off. */
function isActive(key: string, value: unknown, raw: RawConfig): boolean {
  if (value === null || value === undefined || value === false || value === '' || value === 0) return false;
  if (value === 1 && /multiplier|scal/i.test(key)) return false;
  if (/window/.test(key) && raw.use_sliding_window === false) return false;
  if (typeof value === 'string' && USUAL.test(value)) return false;
  if (typeof value !== 'object') return true;
  const items = Object.values(value);
  if (/layer_types/.test(key)) return items.some((item) => item !== 'full_attention');
  return items.length > 0;
}

function said(what: string, keys: readonly string[]): string | undefined {
  if (keys.length === 0) return undefined;
  const more = keys.length > 6 ? ` and ${keys.length - 6} more` : '';
  return `${what}: ${keys.slice(0, 6).join(', ')}${more}.`;
}

function notCausal(file: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message:
      'is_causal is false: tokens see what follows them, as in an encoder, and there is no next token to predict.',
    place: { file, field: 'is_causal' },
    allowed: 'true, or no such key',
    action: 'Choose a model that predicts the next token.',
  });
}

function refusal(file: string, key: string, value: unknown, { family }: Architecture): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${key} is ${describeValue(value)}: a key by its name about what is computed, which ${family} does not have in Whittle (nor in transformers 5.24).`,
    place: { file, field: key },
    allowed: `a config as transformers writes it for ${family}, without ${key}`,
    action: `If the model does not depend on ${key}, remove it from config.json; else choose a model of a supported family.`,
  });
}
