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

/** LAYER.LINEAR:VALUE. */
const ENTRY = /^(\d+)\.([a-z]+_proj):([a-z0-9_/]+)$/;
const INTEGERS = /^([2348])\/(\d+|row)$/;
const FORM = 'LAYER.LINEAR:BITS/GROUP joined by +, as in 0.down_proj:8/row+3.o_proj:3/32';

export const MIX = text(
  { label: 'Mix', help: 'Linears with bits and a group of their own, as the solver for a target size finds them.' },
  FORM,
  (value) => isMix(value, isInteger),
);

/** Whether a text is a mix whose values are all right. */
export function isMix(mix: string, isRight: (value: string) => boolean): boolean {
  return mix.split('+').every((entry) => isRight(ENTRY.exec(entry)?.[3] ?? ''));
}

function isInteger(value: string): boolean {
  const group = INTEGERS.exec(value)?.[2];
  return group !== undefined && (group === 'row' || Number(group) >= 8);
}

/** Values by "LAYER.LINEAR". @param mix Of the right form. */
export function mixValues(mix: string | undefined): ReadonlyMap<string, string> {
  const entries = (mix ?? '').split('+').map((entry) => ENTRY.exec(entry));
  return new Map(entries.flatMap((found) => (found ? [[`${found[1]}.${found[2]}`, found[3]]] : [])));
}

export function joinMix(entries: Iterable<readonly [layer: number, name: LinearName, value: string]>): string {
  return [...entries].map(([layer, name, value]) => `${layer}.${name}:${value}`).join('+');
}

/** By layer and linear. @param mix Of the right form. */
export function parseMix(mix: string | undefined): ReadonlyMap<string, MixEntry> {
  return new Map(
    [...mixValues(mix)].map(([key, value]) => {
      const [, bits, group] = INTEGERS.exec(value) ?? [];
      return [key, { bits: Number(bits) as Bits, group: group === 'row' ? 'row' : Number(group) }];
    }),
  );
}

export function formatMix(entries: Iterable<readonly [layer: number, name: LinearName, entry: MixEntry]>): string {
  return joinMix([...entries].map(([layer, name, { bits, group }]) => [layer, name, `${bits}/${group}`] as const));
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
  for (const key of mixValues(mix).keys()) {
    const [layer, name] = key.split('.');
    const found = model.layers[Number(layer)];
    if (!found) return `mix names layer ${layer}, and the model has layers 0 to ${model.layers.length - 1}`;
    const names: readonly string[] = layerLinears(found);
    if (!names.includes(name)) return `mix names ${key}, and the linears of a layer are ${names.join(', ')}`;
  }
  return undefined;
}
