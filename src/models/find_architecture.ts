/** @file From a config to the family that it belongs to, or the reason why it belongs to none. */
import { WhittleError } from '../errors/errors.ts';
import { describeValue, type RawConfig } from '../formats/hf/config.ts';
import type { Architecture } from './architecture.ts';
import { ARCHITECTURES } from './families/families.ts';
import { mistral3Text } from './families/mistral3.ts';

/** What decoder-only language models are called; families name the exceptions. */
const LANGUAGE_MODEL = /(ForCausalLM|LMHeadModel)$/i;

const EXPERTS = 'it is a mixture of experts, and Whittle runs models with one MLP a layer';
const STATE_SPACE = 'it has layers without attention';
const ENCODER = 'it has an encoder';

/** Model types that people will try, and why they cannot be read. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/moe|mixtral|deepseek_v[23]|dbrx|jetmoe|phimoe|gpt_oss|llama4|olmoe/, EXPERTS],
  [/mamba|rwkv|jamba|zamba|bamba|recurrent_gemma|falcon_h1|lfm2|qwen3_next|granitemoehybrid/, STATE_SPACE],
  [/^(bert|roberta|t5|mt5|bart|whisper|marian|pegasus|distilbert|deberta)/, ENCODER],
  [/_vl$|_vl_|llava|idefics|paligemma|pixtral|mllama|phi4_multimodal/, 'it has parts for images'],
  [/^gemma3n|^gemma4/, 'its layers read inputs of their own, besides the residual stream'],
];

/** Config fields that turn a known family into a mixture of experts, where they are more than one. */
const EXPERT_FIELDS = ['num_experts', 'num_local_experts', 'n_routed_experts', 'moe_num_experts'];

/** Throws `unknown_architecture`, `bad_config`. @param file The config's name, for errors. */
export function findArchitecture(raw: RawConfig, file: string): Architecture {
  // Mistral 3 holds one of two families.
  const { model_type: own } = mistral3Text(raw, file);
  const architecture = ARCHITECTURES.find(({ model_types }) => model_types.some((type) => type === own));
  if (raw.model_type === 'whittle') throw undescribed(file);
  if (!architecture) throw unknownType(raw, file);
  const { classes: others = [] } = architecture;
  const classes = Array.isArray(raw.architectures) ? raw.architectures.map(String) : [];
  if (classes.length > 0 && !classes.some((name) => LANGUAGE_MODEL.test(name) || others.includes(name))) {
    throw unknown(
      file,
      'architectures',
      `This is a ${classes.join(', ')}, not a causal language model.`,
      ['a class named …ForCausalLM or …LMHeadModel', ...others].join(', '),
      'Open the language model that it was made from.',
    );
  }
  for (const field of EXPERT_FIELDS) {
    const found = raw[field];
    if (typeof found === 'number' && found > 1) {
      throw unknown(file, field, `The model has ${found} experts: ${EXPERTS}.`, 'none, or 1');
    }
  }
  return architecture;
}

/** Whittle's own type says nothing without the description that is written beside it. */
function undescribed(file: string): WhittleError {
  return new WhittleError({
    code: 'bad_config',
    message: 'The config is of a model that Whittle wrote ("model_type": "whittle"), but its description is missing.',
    place: { file, field: 'whittle.decoder' },
    allowed: 'the config.json that was written with the weights',
    action: 'Take config.json from the export again; a copy that another tool saved may have lost the field.',
  });
}

function unknownType(raw: RawConfig, file: string): WhittleError {
  const type = raw.model_type;
  const known = ARCHITECTURES.flatMap(({ model_types }) => model_types).join(', ');
  if (type === undefined) {
    return unknown(
      file,
      'model_type',
      'The config names no model_type, which Whittle needs.',
      known,
      'Add the family to config.json ("model_type": "llama" for a model in the layout of Llama), or fetch the file again.',
    );
  }
  const reason = typeof type === 'string' && REFUSED.find(([pattern]) => pattern.test(type))?.[1];
  const message = `The model type is ${describeValue(type)}, which Whittle ${reason ? `cannot run: ${reason}` : 'does not know'}.`;
  const action = reason
    ? 'Choose a dense, text-only decoder of a supported family.'
    : 'Choose a model of a supported family; if this is one of them under another name, set model_type to that.';
  return unknown(file, 'model_type', message, known, action);
}

function unknown(
  file: string,
  field: string,
  message: string,
  allowed: string,
  action = 'Choose a model of a supported family.',
): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message,
    place: { file, field },
    allowed,
    action,
  });
}
