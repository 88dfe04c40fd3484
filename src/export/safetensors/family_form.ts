/**
 * @file A dense model as transformers writes it: the family's own names and layout, and the config that it was opened with.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { RawConfig } from '../../formats/hf/config.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { TEXT_DEFAULTS } from '../../models/families/gemma3.ts';
import { findArchitecture } from '../../models/find_architecture.ts';
import { storedLayout } from '../../models/stored_layout.ts';
import { isHeadSizeFree, sizedConfig } from '../sized_config.ts';
import { textConfig, withoutTransformersJs } from '../transformers_config.ts';

export interface FamilyForm {
  /** Every key of the source that is true of these weights. */
  readonly config: RawConfig;
  /** Each stored tensor with its name. */
  readonly names: Map<WeightRef, string>;
}

/**
 * Undefined where no model of the family computes what this one does: a sliced model, and one of whose config nothing is
 * known. What the family's descriptor makes of the written config is the given model, part by part.
 */
export function familyForm(model: DecoderModel, raw: RawConfig): FamilyForm | undefined {
  if (!isHeadSizeFree(model.config)) return undefined;
  const config = sizedConfig(familyConfig(model, raw), model);
  try {
    const architecture = findArchitecture(config, 'config.json');
    const names = storedLayout(architecture, architecture.readConfig(config, 'config.json'), model);
    if (!names) return undefined;
    // Of several sets of names the first is written, that of transformers' class; code on the Hub may have another.
    const { auto_map: _, ...own } = config;
    return { config: Array.isArray(architecture.weights) ? own : config, names };
  } catch (reason) {
    if (reason instanceof WhittleError) return undefined;
    throw reason;
  }
}

function familyConfig({ config, embed_tokens, lm_head }: DecoderModel, raw: RawConfig): RawConfig {
  const { quantization_config: _, whittle: __, auto_map, ...rest } = withoutTransformersJs(raw);
  const text = textConfig(rest);
  return {
    ...(raw.model_type === 'gemma3' && TEXT_DEFAULTS),
    ...text,
    architectures: Array.isArray(text.architectures) ? text.architectures : [config.architecture],
    tie_word_embeddings: lm_head.weight === embed_tokens.weight,
    // Code of the model's own is not copied; a name on the Hub still says where it is.
    ...(isOnHub(auto_map) && { auto_map }),
  };
}

function isOnHub(auto_map: unknown): boolean {
  return JSON.stringify(auto_map)?.includes('--') === true;
}
