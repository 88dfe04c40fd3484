/**
 * @file adapter_config.json of PEFT (0.21): what a LoRA's factors are scaled by. Keys that make something else of them than
 * W + scale·B·A are refused by name.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type RawConfig, readJsonObject } from '../hf/config.ts';
import type { ByteSource } from '../source.ts';

export interface LoraConfig {
  readonly file: string;
  /** Of the base model, for people; absent where it is not said. */
  readonly base?: string;
  /** Where both sides of a matrix are alike: whether it is stored as (in, out). */
  readonly fan_in_fan_out: boolean;
  /** What B·A of a module is multiplied by. @param module Its path in the base model. @param rank Of its factors. */
  scaleOf(module: string, rank: number): number;
}

/** Keys that only training reads, or that say which modules have factors: those that are in the file do. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  ...['task_type', 'auto_mapping', 'peft_version', 'base_model_name_or_path', 'revision', 'inference_mode'],
  ...['target_modules', 'exclude_modules', 'lora_dropout', 'modules_to_save', 'layers_to_transform', 'layers_pattern'],
  ...['megatron_config', 'megatron_core', 'eva_config', 'lora_ga_config', 'qalora_group_size', 'runtime_config'],
  ...[
    'ensure_weight_tying',
    'bias',
    'lora_alpha',
    'r',
    'rank_pattern',
    'alpha_pattern',
    'use_rslora',
    'fan_in_fan_out',
  ],
  ...['peft_type', 'init_lora_weights', 'loftq_config', 'corda_config', 'velora_config'],
]);

/** Beginnings that change the base model, too: the factors are of a W that no file holds. */
const CHANGES_BASE = ['pissa', 'olora', 'corda', 'loftq', 'lora_ga'];

/** @throws `bad_config`. */
export async function readLoraConfig(source: ByteSource): Promise<LoraConfig> {
  const raw = await readJsonObject(source);
  const file = source.name;
  const bad = (field: string, message: string, allowed: string, action?: string) =>
    new WhittleError({ code: 'bad_config', message, place: { file, field }, allowed, ...(action && { action }) });
  const merge = 'Merge it with peft (merge_and_unload) and open the result.';
  if (raw.peft_type !== 'LORA') {
    throw bad('peft_type', `This adapter is of the type ${JSON.stringify(raw.peft_type)}.`, 'LORA', merge);
  }
  for (const [key, value] of Object.entries(raw)) {
    if (PASSED_OVER.has(key) || isNothing(value)) continue;
    throw bad(
      key,
      `${key} is ${short(value)}, which makes more of the adapter than W + scale·B·A.`,
      'absent, false or null',
      merge,
    );
  }
  const { init_lora_weights: start } = raw;
  if (typeof start === 'string' && CHANGES_BASE.some((name) => start.toLowerCase().startsWith(name))) {
    throw bad(
      'init_lora_weights',
      `init_lora_weights is ${short(start)}: training began from a base model that was changed, too.`,
      'true, false, "gaussian", "eva" or "orthogonal"',
      'Save the adapter with path_initial_model_for_weight_conversion, which makes a plain one of it, or merge it with peft.',
    );
  }
  const alpha = positive(raw, 'lora_alpha', bad);
  const alphas = pattern(raw, 'alpha_pattern', bad);
  const ranks = pattern(raw, 'rank_pattern', bad);
  const rank = positive(raw, 'r', bad);
  return {
    file,
    ...(typeof raw.base_model_name_or_path === 'string' && { base: raw.base_model_name_or_path }),
    fan_in_fan_out: raw.fan_in_fan_out === true,
    scaleOf(module, found) {
      const wanted = ranks(module) ?? rank;
      if (wanted !== found) {
        throw bad(
          'r',
          `${module} has factors of rank ${found}; the config says ${wanted}.`,
          `rank ${wanted}`,
          'Use the config that was saved with these weights.',
        );
      }
      return (alphas(module) ?? alpha) / (raw.use_rslora === true ? Math.sqrt(found) : found);
    },
  };
}

type Bad = (field: string, message: string, allowed: string, action?: string) => WhittleError;

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function positive(raw: RawConfig, key: string, bad: Bad): number {
  const value = raw[key];
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw bad(key, value === undefined ? `There is no ${key}.` : `${key} is ${short(value)}.`, 'a positive number');
}

/** Of the first key that matches a module's path or its end, as a regular expression. */
function pattern(raw: RawConfig, key: string, bad: Bad): (module: string) => number | undefined {
  const value = raw[key] ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw bad(key, `${key} is ${short(value)}.`, 'an object of numbers');
  const rows = Object.entries(value as object).map(([name, number]) => {
    if (typeof number !== 'number' || !(number > 0))
      throw bad(key, `${key} has ${short(number)} for ${name}.`, 'positive numbers');
    try {
      return { test: new RegExp(`^(?:.*\\.)?(?:${name})$`), number };
    } catch {
      throw bad(
        key,
        `${key} has the name ${short(name)}, which is no regular expression here.`,
        'names of modules, or regular expressions',
      );
    }
  });
  return (module) => rows.find(({ test }) => test.test(module))?.number;
}
