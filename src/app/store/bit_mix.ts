/** @file Bits of single linears in the recipe at hand: read from its text, changed, and written back. Pure. */
import { fieldsOf } from '../../compress/options/fields.ts';
import { formatMix, type MixEntry, parseMix } from '../../compress/options/mix.ts';
import { formatStep, type StepInput, stepsOf } from '../../compress/recipe/recipe.ts';
import { findMethod } from '../../compress/registry.ts';
import type { ModelShape } from '../../engine/protocol.ts';

export const BITS = [2, 3, 4, 8] as const;
export type BitCount = (typeof BITS)[number];

export const LINEARS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LinearName = (typeof LINEARS)[number];

/** The step of a recipe whose linears may differ. */
export interface BitStep {
  inputs: readonly StepInput[];
  index: number;
  method: string;
  /** Of linears that have none of their own. */
  own: MixEntry;
  mix: ReadonlyMap<string, MixEntry>;
}

/** The first step with bits and a mix of them; null where the recipe has none, or cannot be read. */
export function bitStepOf(recipe: string): BitStep | null {
  let inputs: readonly StepInput[];
  try {
    inputs = stepsOf(recipe);
  } catch {
    return null;
  }
  for (const [index, { method, options = {} }] of inputs.entries()) {
    const fields = new Map(
      fieldsOf(findMethod(method)?.options ?? { entries: {} }).map((field) => [field.name, field]),
    );
    const [bits, group] = [fields.get('bits'), fields.get('group')];
    if (!bits || !group || !fields.has('mix')) continue;
    const own = { bits: options.bits ?? bits.default, group: options.group ?? group.default } as MixEntry;
    // What is written wrong is told where recipes are changed.
    if (!BITS.includes(own.bits as BitCount)) continue;
    return { inputs, index, method, own, mix: parseMix(typeof options.mix === 'string' ? options.mix : undefined) };
  }
  return null;
}

export function linearsOf({ gated }: Pick<ModelShape, 'gated'>): readonly LinearName[] {
  return LINEARS.filter((name) => gated || name !== 'gate_proj');
}

export function bitsOf({ mix, own }: BitStep, layer: number, name: LinearName): number {
  return (mix.get(`${layer}.${name}`) ?? own).bits;
}

export interface Place {
  layer: number;
  name: LinearName;
}

/** The recipe with these bits at some places; null: the step's own again. */
export function withBits(step: BitStep, places: readonly Place[], bits: BitCount | null): string {
  const mix = new Map(step.mix);
  for (const { layer, name } of places) {
    const key = `${layer}.${name}`;
    const group = mix.get(key)?.group ?? step.own.group;
    if (bits === null || (bits === step.own.bits && group === step.own.group)) mix.delete(key);
    else mix.set(key, { bits, group });
  }
  const entries = [...mix].map(([key, entry]) => {
    const [layer, name] = key.split('.');
    return [Number(layer), name as LinearName, entry] as const;
  });
  entries.sort((a, b) => a[0] - b[0] || LINEARS.indexOf(a[1]) - LINEARS.indexOf(b[1]));
  return step.inputs
    .map((input, at) => {
      if (at !== step.index) return formatStep(input);
      const { mix: _, ...options } = input.options ?? {};
      return formatStep({ ...input, options: entries.length > 0 ? { ...options, mix: formatMix(entries) } : options });
    })
    .join('; ');
}

/** The next in the row of bits, from the most to the least and around. */
export function nextBits(bits: number): BitCount {
  const at = BITS.indexOf(bits as BitCount);
  return BITS[(at - 1 + BITS.length) % BITS.length];
}
