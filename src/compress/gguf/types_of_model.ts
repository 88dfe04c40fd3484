/** @file Which block type the step `gguf` gives each linear of a model, from its options alone. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import type { Blocks } from '../../models/packed/packing.ts';
import type { EncodableType } from '../../tensor/quant/encode/encode.ts';
import type { LinearUse } from '../layerwise_types.ts';
import { mixValues } from '../options/mix.ts';
import { type FileType, fitting, linearType } from './file_types.ts';

/** Of the step `gguf`. */
export interface GgufStepOptions {
  readonly type: FileType;
  readonly table?: BlockName | undefined;
  readonly importance: 'inputs' | 'none';
  readonly mix?: string | undefined;
}

/** As people write block types. */
export const BLOCKS = [
  'q8_0',
  'q6_k',
  'q5_k',
  'q5_1',
  'q5_0',
  'q4_k',
  'iq4_nl',
  'mxfp4',
  'q4_1',
  'q4_0',
  'q3_k',
  'q2_k',
] as const;
export type BlockName = (typeof BLOCKS)[number];

export function typeNamed(name: string): EncodableType {
  return name.toUpperCase() as EncodableType;
}

/** Families whose q, k and v are one matrix, or gate and up, in llama.cpp's graphs: their parts have one type. */
const FUSED = new Set(['phi3', 'gpt2', 'gpt_neox', 'bloom', 'falcon']);

/** What does not hang on the linear. */
export function modelFacts(model: ModelOutline, importance: GgufStepOptions['importance']) {
  const { model_type } = model.config;
  const facts = { is_fused: FUSED.has(model_type), is_falcon: model_type === 'falcon' };
  return { ...facts, layers: model.layers.length, has_importance: importance === 'inputs' };
}

export type Facts = ReturnType<typeof modelFacts>;

export function packingOf(
  options: GgufStepOptions,
  columns: number,
  { layer, name, heads, kv_heads }: LinearUse,
  facts: Facts,
): Blocks | undefined {
  const own = mixValues(options.mix).get(`${layer}.${name}`);
  const place = { ...facts, layer, sharing: Math.floor(heads / kv_heads) };
  return asPacking(own ? fitting(typeNamed(own), columns) : linearType(options.type, name, columns, place));
}

export function asPacking(dtype: EncodableType | undefined): Blocks | undefined {
  return dtype && { kind: 'blocks', dtype };
}
