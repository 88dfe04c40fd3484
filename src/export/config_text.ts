/** @file config.json as text. JSON knows one kind of number, but transformers tells 30 from 30.0 where a field is a float. */

import { portableJson } from '../formats/hf/python_json.ts';

/** Fields that transformers declares as floats; the others of a config are whole numbers, or have a fraction anyway. */
const FLOAT_FIELDS = [
  'final_logit_softcapping',
  'attn_logit_softcapping',
  'embedding_multiplier',
  'residual_multiplier',
  'attention_multiplier',
  'logits_scaling',
  'rope_theta',
  'rope_local_base_freq',
  'partial_rotary_factor',
  'rotary_pct',
  'factor',
  'low_freq_factor',
  'high_freq_factor',
];

const WHOLE_FLOAT = new RegExp(`^(\\s*"(?:${FLOAT_FIELDS.join('|')})": -?\\d+)(,?)$`, 'gm');

/** Two spaces deep, with a newline at the end, as `save_pretrained` writes it. */
export function configText(config: unknown): string {
  return `${portableJson(config, 2).replace(WHOLE_FLOAT, '$1.0$2')}\n`;
}
