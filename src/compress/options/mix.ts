/**
 * @file Bits and groups of single linears that differ from the step's own: `mix=0.down_proj:8/row+3.o_proj:3/32`, layer and
 * linear, bits and group. What the solver writes, and what a person may edit.
 */
import type { ModelOutline } from '../../models/decoder_model.ts';
import type { Bits } from '../../models/packed/packing.ts';
import { layerLinears } from '../layerwise/half.ts';
import type { LinearName, LinearUse } from '../layerwise_types.ts';
import { text } from './fields.ts';
import type { IntegerOptions } from './integers.ts';

export interface MixOptions {
  readonly mix?: string | undefined;
}

export type MixEntry = Pick<IntegerOptions, 'bits' | 'group'>;

const ENTRY = /^(\d+)\.([a-z]+_proj):([2348])\/(\d+|row)$/;
const FORM = 'LAYER.LINEAR:BITS/GROUP joined by +, as in 0.down_proj:8/row+3.o_proj:3/32';

export const MIX = text(
  { label: 'Mix', help: 'Linears with bits and a group of their own, as the solver for a target size finds them.' },
  FORM,
  (value) => value.split('+').every(isEntry),
);

function isEntry(entry: string): boolean {
  const group = ENTRY.exec(entry)?.[4];
  return group !== undefined && (group === 'row' || Number(group) >= 8);
}

/** By layer and linear. @param mix Of the right form. */
export function parseMix(mix: string | undefined): ReadonlyMap<string, MixEntry> {
  const entries = (mix ?? '').split('+').map((entry) => ENTRY.exec(entry));
  return new Map(
    entries.flatMap((found) => {
      if (!found) return [];
      const [, layer, name, bits, group] = found;
      return [[`${layer}.${name}`, { bits: Number(bits) as Bits, group: group === 'row' ? 'row' : Number(group) }]];
    }),
  );
}

export function formatMix(entries: Iterable<readonly [layer: number, name: LinearName, entry: MixEntry]>): string {
  return [...entries].map(([layer, name, { bits, group }]) => `${layer}.${name}:${bits}/${group}`).join('+');
}

const parsed = new Map<string, ReadonlyMap<string, MixEntry>>();

/** The options with what the mix says of a linear. */
export function mixedOptions<O extends IntegerOptions & MixOptions>(options: O, { layer, name }: LinearUse): O {
  if (!options.mix) return options;
  // A recipe's text is asked for every linear of the model.
  const entries = parsed.get(options.mix) ?? parseMix(options.mix);
  if (!parsed.has(options.mix)) parsed.clear();
  parsed.set(options.mix, entries);
  return { ...options, ...entries.get(`${layer}.${name}`) };
}

/** Why the mix does not fit the model. */
export function mixRefusal(model: ModelOutline, mix: string | undefined): string | undefined {
  for (const key of parseMix(mix).keys()) {
    const [layer, name] = key.split('.');
    const found = model.layers[Number(layer)];
    if (!found) return `mix names layer ${layer}, and the model has layers 0 to ${model.layers.length - 1}`;
    const names: readonly string[] = layerLinears(found);
    if (!names.includes(name)) return `mix names ${key}, and the linears of a layer are ${names.join(', ')}`;
  }
  return undefined;
}
