/**
 * @file `quantize_config.json` of AutoGPTQ and `quant_config.json` of AutoAWQ: what config.json says today in its
 * `quantization_config`, in a file of its own and without the method's name.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { TensorInfo } from '../checkpoint.ts';
import type { RawConfig } from './config.ts';
import { isObject } from './left_over_config.ts';
import { FIELD } from './packed_schemes.ts';

/** AutoAWQ's names of what AutoGPTQ calls bits and group_size. */
const AWQ_KEYS = ['w_bit', 'q_group_size', 'zero_point'];

/** Whether a file beside config.json is one of the two, and there is something packed that it speaks of. */
export function isQuantizeFile(raw: RawConfig, tensors: ReadonlyMap<string, TensorInfo>): boolean {
  return !isObject(raw.quantization) && [...tensors.keys()].some((name) => name.endsWith('.qweight'));
}

/** The method, and the rest as a `quantization_config`. */
export function quantizeFile(raw: RawConfig): { method: string; config: RawConfig } {
  const { quant_method } = raw;
  const told = AWQ_KEYS.some((key) => key in raw) ? 'awq' : 'gptq';
  const method = typeof quant_method === 'string' ? quant_method : told;
  return { method, config: { ...raw, quant_method: method } };
}

/** The file's keys stand at its top: an error names them so. */
export function withoutField(error: WhittleError): WhittleError {
  const { message, place, ...rest } = error.toData();
  const plain = (text: string) => text.replaceAll(`${FIELD}.`, '');
  const field = place?.field && { field: plain(place.field) };
  return new WhittleError({ ...rest, message: plain(message), place: { ...place, ...field } }, { cause: error });
}
