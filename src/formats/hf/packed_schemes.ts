/** @file What `quantization_config` says of packed weights, method by method; keys that ask for another layout are refused by name. */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import type { PackedScheme } from '../safetensors/packed/scheme.ts';
import { describeValue, parseConfig, type RawConfig } from './config.ts';

export const FIELD = 'quantization_config';

const text = v.nullish(v.string('text'));
const whole = v.nullish(v.pipe(v.number('a whole number'), v.integer()));
const flag = v.nullish(v.boolean('true or false'));

const GPTQ = v.object({
  [FIELD]: v.object({
    bits: whole,
    group_size: whole,
    sym: flag,
    checkpoint_format: text,
    format: text,
    pack_dtype: text,
    is_marlin_format: flag,
    meta: v.optional(v.unknown()),
  }),
});

const AWQ = v.object({
  [FIELD]: v.object({
    ...{ bits: whole, w_bit: whole, group_size: whole, q_group_size: whole, zero_point: flag },
    ...{ version: text, checkpoint_format: text, format: text },
  }),
});

/** AutoGPTQ's and GPTQModel's. Modules with other bits or groups (`dynamic`) are told by their shapes. */
export function gptqScheme(raw: RawConfig, file: string): PackedScheme {
  const config = parseConfig(GPTQ, raw, file)[FIELD];
  const form = (config.checkpoint_format ?? config.format ?? 'gptq').toLowerCase();
  if (form !== 'gptq' && form !== 'gptq_v2') throw otherLayout(file, 'checkpoint_format', form, 'gptq or gptq_v2');
  if (config.is_marlin_format)
    throw otherLayout(file, 'is_marlin_format', true, 'gptq or gptq_v2, not repacked for Marlin');
  const words = config.pack_dtype ?? 'int32';
  if (words !== 'int32') throw otherLayout(file, 'pack_dtype', words, 'int32');
  const is_symmetric = config.sym ?? true;
  // GPTQModel moves 3-bit zeros by words, and not by the words that AutoGPTQ reads: which of the two wrote them decides.
  if (form === 'gptq' && config.bits === 3 && !is_symmetric && /gptqmodel/i.test(JSON.stringify(config.meta ?? ''))) {
    throw otherLayout(
      file,
      'checkpoint_format',
      form,
      'gptq_v2 for 3 bits with zero points (sym false) from GPTQModel',
    );
  }
  const zeros = form === 'gptq' ? 'less_one' : 'as_they_are';
  return { kind: 'gptq', zeros, group: Math.max(0, config.group_size ?? 0), is_symmetric };
}

/** AutoAWQ's, GEMM alone. */
export function awqScheme(raw: RawConfig, file: string): PackedScheme {
  const config = parseConfig(AWQ, raw, file)[FIELD];
  const version = (config.version ?? config.checkpoint_format ?? config.format ?? 'gemm').toLowerCase();
  // exllama names the kernel; the layout is GEMM's.
  if (version !== 'gemm' && version !== 'exllama') throw otherLayout(file, 'version', version, 'gemm');
  const bits = config.bits ?? config.w_bit ?? 4;
  if (bits !== 4) throw otherLayout(file, 'bits', bits, '4');
  return { kind: 'awq', group: Math.max(0, config.group_size ?? config.q_group_size ?? 0) };
}

/** AutoRound's, in the layout of one of the two. */
export function autoRoundScheme(raw: RawConfig, file: string): PackedScheme {
  const { packing_format } = (raw[FIELD] ?? {}) as RawConfig;
  if (packing_format === 'auto_round:auto_gptq') return gptqScheme(withoutFormat(raw), file);
  if (packing_format === 'auto_round:auto_awq') return awqScheme(withoutFormat(raw), file);
  throw otherLayout(file, 'packing_format', packing_format, 'auto_round:auto_gptq or auto_round:auto_awq');
}

function withoutFormat(raw: RawConfig): RawConfig {
  const { format: _, version: __, ...rest } = raw[FIELD] as RawConfig;
  return { [FIELD]: rest };
}

const COMPRESSED_FORMATS: readonly string[] = [
  ...['dense', 'float-quantized', 'naive-quantized', 'int-quantized', 'pack-quantized', 'mixed-precision'],
  ...['nvfp4-pack-quantized', 'mxfp4-pack-quantized', 'mxfp8-quantized'],
];

/** Of compressed-tensors: throws for a layout that is not read. */
export function checkCompressedFormat(raw: RawConfig, file: string): void {
  const config = raw[FIELD] as RawConfig;
  const groups = Object.entries((config.config_groups ?? {}) as Record<string, RawConfig>);
  const named = [
    ['format', config.format] as const,
    ...groups.map(([name, { format }]) => [`config_groups.${name}.format`, format] as const),
  ];
  for (const [key, format] of named) {
    if (format === undefined || format === null || COMPRESSED_FORMATS.includes(String(format))) continue;
    throw otherLayout(file, key, format, COMPRESSED_FORMATS.join(', '));
  }
}

export function otherLayout(file: string, key: string, found: unknown, allowed: string): WhittleError {
  return new WhittleError({
    code: 'unsupported_dtype',
    message: `${FIELD}.${key} is ${describeValue(found)}: the weights are packed in a layout that Whittle does not decode.`,
    place: { file, field: `${FIELD}.${key}` },
    allowed,
    action: 'Open the original, unquantised version of the model, or a GGUF of it.',
  });
}
