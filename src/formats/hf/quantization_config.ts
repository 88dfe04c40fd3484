/**
 * @file What `quantization_config` of a config.json says about the stored weights. F8 weights are read, with their scales;
 * everything else (integer codes of GPTQ, AWQ, bitsandbytes …) is refused with what to do.
 */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import type { WidenOptions } from '../safetensors/widen.ts';
import { describeValue, parseConfig, type RawConfig } from './config.ts';

const FIELD = 'quantization_config';

const size = () => v.pipe(v.number(), v.integer(), v.minValue(1));
const BLOCK = v.nullish(v.tuple([size(), size()], 'two whole numbers, at least 1'));

const FP8 = v.object({ [FIELD]: v.object({ weight_block_size: BLOCK }) });

const WEIGHTS = v.object({
  num_bits: v.number('a number of bits'),
  type: v.string('a type name'),
  block_structure: BLOCK,
});

const COMPRESSED_TENSORS = v.object({
  [FIELD]: v.object({
    config_groups: v.record(v.string(), v.object({ weights: v.nullish(WEIGHTS) }), 'an object of groups'),
    sparsity_config: v.nullish(v.object({ format: v.optional(v.string()) })),
  }),
});

/** How F8 weights are to be read. Throws `unknown_architecture` for weights of another kind, `bad_config`. */
export function readQuantization(raw: RawConfig, file: string): WidenOptions {
  const config = raw[FIELD];
  if (config === undefined || config === null) return {};
  const method = typeof config === 'object' ? (config as RawConfig).quant_method : undefined;
  switch (method) {
    case 'fp8':
      return blockOf(parseConfig(FP8, raw, file)[FIELD].weight_block_size);
    case 'fbgemm_fp8':
      return {};
    case 'compressed-tensors':
      return compressedTensors(raw, file);
    default:
      throw refused(file, typeof method === 'string' ? `by ${describeValue(method)}` : 'in a way that is not named');
  }
}

function compressedTensors(raw: RawConfig, file: string): WidenOptions {
  const { config_groups, sparsity_config } = parseConfig(COMPRESSED_TENSORS, raw, file)[FIELD];
  const weights = Object.values(config_groups).flatMap((group) => (group.weights ? [group.weights] : []));
  const other = weights.find(({ num_bits, type }) => num_bits !== 8 || type !== 'float');
  if (other) throw refused(file, `by compressed-tensors to ${other.num_bits}-bit ${other.type} numbers`);
  if (sparsity_config && (sparsity_config.format ?? 'dense') !== 'dense') {
    throw refused(file, `by compressed-tensors, and stored sparsely (${sparsity_config.format})`);
  }
  return blockOf(weights.find(({ block_structure }) => block_structure)?.block_structure);
}

function blockOf(block: readonly [number, number] | null | undefined): WidenOptions {
  return block ? { block } : {};
}

function refused(file: string, how: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `The weights are quantised ${how}, which Whittle does not decode.`,
    place: { file, field: FIELD },
    allowed: 'weights in F32, F16 or BF16, in F64, or in F8 (fp8, fbgemm_fp8, compressed-tensors with float-quantized)',
    action: 'Open the original, unquantised version of the model, or a GGUF of it.',
  });
}
