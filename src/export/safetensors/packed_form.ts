/**
 * @file Grouped integers as other tools' checkpoints have them: `pack-quantized` of compressed-tensors, and GPTQ. Which packings a form can
 * hold, and the `quantization_config` that says what was written.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderModel, ModelOutline, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { type WeightRole, weightRoles } from '../../models/map_weights.ts';
import { type Grouped, groupSize, packingLabel } from '../../models/packed/packing.ts';
import type { KeepPacked } from '../precision.ts';

export type PackedForm = 'compressed-tensors' | 'gptq';

/** A packed linear with its name in the file, "….weight". */
export interface PackedLinear {
  readonly ref: WeightRef;
  readonly packing: Grouped;
  readonly name: string;
}

export function moduleOf(name: string): string {
  return name.replace(/\.weight$/, '');
}

/** The packing of a weight that the form holds as it is; anything else is written as floats. */
export function packingHeld(ref: WeightOutline, role: WeightRole, form: PackedForm): Grouped | undefined {
  const { packed, shape } = ref;
  if (packed?.kind !== 'grouped' || (role !== 'linear' && role !== 'head')) return undefined;
  return reasonAgainst(packed, shape, form) === undefined ? packed : undefined;
}

/** For `quantizedModel`: what stays packed. */
export function keepFor(form: PackedForm | undefined): KeepPacked | undefined {
  return form && ((ref, role) => packingHeld(ref, role, form) !== undefined);
}

/** `bad_option` for a model of which the form would hold nothing packed. */
export function packedRefusal(model: ModelOutline, form: PackedForm): WhittleError | undefined {
  if ([...fileRoles(model)].some(([ref, role]) => packingHeld(ref, role, form))) return undefined;
  const lacks = lacksOf(model, form);
  return new WhittleError({
    code: 'bad_option',
    message: `Nothing of this model can be written packed as ${form}: ${lacks.join('; ') || 'none of its linears are grouped integers'}.`,
    place: { field: 'format' },
    allowed: 'a model whose linears a recipe made grouped integers (rtn, gptq, awq), in sizes that the format holds',
    action: `${lacks.length > 0 ? 'Quantise it in such sizes' : 'Quantise it first'}, or export it as safetensors.`,
  });
}

/** As files have them: a table that is the head too stands under the table's name, where loaders want floats. */
export function fileRoles<W extends WeightOutline>(model: DecoderModel<W>): Map<W, WeightRole> {
  return weightRoles(model).set(model.embed_tokens.weight, 'table');
}

/** Why a form cannot hold grouped integers, for people. */
function reasonAgainst(packing: Grouped, [rows, columns]: WeightRef['shape'], form: PackedForm): string | undefined {
  if (packing.zero === 'minimum') return 'float minimums (grid=minimum)';
  if (columns % groupSize(packing, columns) !== 0)
    return `groups of ${packing.group}, which do not divide ${columns} inputs`;
  // compressed-tensors 0.20 refuses a config with actorder "group".
  if (form === 'compressed-tensors') return packing.ordered ? 'an order of inputs (order=dynamic)' : undefined;
  if (packing.scale !== 'F16') return 'f32 scales';
  // Its words of 32 bits hold whole codes along both sides.
  return rows % 32 === 0 && columns % 32 === 0
    ? undefined
    : `a matrix of ${rows} × ${columns}, where it wants multiples of 32`;
}

const ZEROS =
  'The file has packed zero points (weight_zero_point): transformers 5.24 with compressed-tensors 0.20 opens such a file with quantization_config=CompressedTensorsConfig(dequantize=True) only. Symmetric weights open without.';

/** What the form cannot hold: said before anything is written. */
export function packedFormNotes(model: ModelOutline, form: PackedForm): string[] {
  const hasZeros = [...fileRoles(model)].some(([ref, role]) => packingHeld(ref, role, form)?.zero === 'integer');
  return [
    ...(hasZeros && form === 'compressed-tensors' ? [ZEROS] : []),
    ...lacksOf(model, form).map(
      (lack) => `${lack}: such weights are written as floats, their numbers and not their size.`,
    ),
  ];
}

/** What the form has no place for, each once, for people. */
function lacksOf(model: ModelOutline, form: PackedForm): string[] {
  const label = form === 'gptq' ? 'GPTQ' : 'pack-quantized';
  const lacks = new Set<string>();
  for (const [ref, role] of fileRoles(model)) {
    const { packed, shape } = ref;
    if (!packed || packingHeld(ref, role, form)) continue;
    const why =
      role !== 'linear' && role !== 'head'
        ? 'embedding tables'
        : packed.kind === 'grouped'
          ? reasonAgainst(packed, shape, form)
          : `what is packed as ${packingLabel(packed)}`;
    lacks.add(`${label} has no place for ${why}`);
  }
  return [...lacks];
}

/** @param others Linears that stay floats. */
export function quantizationConfig(linears: readonly PackedLinear[], others: readonly string[], form: PackedForm) {
  return form === 'gptq' ? gptqConfig(linears, others) : compressedConfig(linears, others);
}

function compressedConfig(linears: readonly PackedLinear[], others: readonly string[]) {
  const groups = grouped(linears, ({ packing }) => JSON.stringify(packing));
  const config_groups = [...groups.values()].map((own, i) => {
    const { bits, group, zero } = own[0].packing;
    const weights = {
      ...{ num_bits: bits, type: 'int', symmetric: zero === 'symmetric', dynamic: false },
      ...{ strategy: group === 'row' ? 'channel' : 'group', group_size: group === 'row' ? null : group },
    };
    const targets = groups.size === 1 ? ['Linear'] : own.map(({ name }) => moduleOf(name));
    return [
      `group_${i}`,
      { targets, weights, input_activations: null, output_activations: null, format: 'pack-quantized' },
    ];
  });
  return {
    ...{ quant_method: 'compressed-tensors', format: 'pack-quantized', quantization_status: 'compressed' },
    config_groups: Object.fromEntries(config_groups),
    ignore: others,
    kv_cache_scheme: null,
  };
}

/** GPTQModel's; what most linears have is the rule, others are in `dynamic`. */
function gptqConfig(linears: readonly PackedLinear[], others: readonly string[]) {
  const groups = [...grouped(linears, ({ packing }) => `${packing.bits} ${packing.group}`).values()];
  const [most] = groups.sort((a, b) => b.length - a.length);
  const facts = ({ bits, group }: Grouped) => ({ bits, group_size: group === 'row' ? -1 : group });
  const exact = (name: string) => `^${moduleOf(name).replaceAll('.', '\\.')}$`;
  const dynamic = Object.fromEntries([
    ...others.filter((name) => !/(^|\.)(lm_head|embed_out)$/.test(name)).map((name) => [`-:${exact(name)}`, {}]),
    ...groups.slice(1).flatMap((own) => own.map(({ name, packing }) => [`+:${exact(name)}`, facts(packing)])),
  ]);
  const isSymmetric = linears.every(({ packing }) => packing.zero === 'symmetric');
  return {
    ...{ quant_method: 'gptq', ...facts(most[0].packing), sym: isSymmetric },
    desc_act: linears.some(({ packing }) => packing.ordered),
    // Version 1 cannot store a zero of 0.
    checkpoint_format: isSymmetric ? 'gptq' : 'gptq_v2',
    ...{ pack_dtype: 'int32', lm_head: linears.some(({ name }) => /(^|\.)(lm_head|embed_out)\.weight$/.test(name)) },
    ...(Object.keys(dynamic).length > 0 && { dynamic }),
  };
}

function grouped(linears: readonly PackedLinear[], key: (linear: PackedLinear) => string): Map<string, PackedLinear[]> {
  const groups = new Map<string, PackedLinear[]>();
  for (const linear of linears) groups.set(key(linear), [...(groups.get(key(linear)) ?? []), linear]);
  return groups;
}
