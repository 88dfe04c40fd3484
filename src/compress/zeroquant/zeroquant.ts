/**
 * @file ZeroQuant (arXiv 2206.01861): weights rounded in groups, symmetric around 0, and activations token by token. (Its
 * layer-by-layer distillation is training, and not part of this.)
 */
import * as v from 'valibot';
import type { InputQuantization } from '../../models/input_quantization.ts';
import type { Bits, Grouped } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import { GROUP } from '../options/integers.ts';
import { symmetricGroups } from '../solvers/symmetric_groups.ts';

interface Options {
  readonly bits: Bits;
  readonly group: number | 'row';
  readonly activation_bits: number;
}

function packingOf({ bits, group }: Options): Grouped {
  return { kind: 'grouped', bits, group, zero: 'symmetric', scale: 'F16' };
}

function inputOf({ activation_bits }: Options): InputQuantization {
  return { kind: 'token', bits: activation_bits };
}

const linears: LinearMethod<Options> = {
  statistics: () => [],
  input: (_, options) => inputOf(options),
  change: ({ W, rows, columns }, _, options) => symmetricGroups(W, rows, columns, packingOf(options)),
};

export const zeroquant: Method<Options> = {
  name: 'zeroquant',
  about: {
    label: 'ZeroQuant',
    paper: 'arXiv 2206.01861',
    group: 'quantise',
    help: 'Weights in symmetric groups and activations token by token, both rounded to nearest. Needs no text. 8 bits cost next to nothing; with 4 bits gptq or awq lose far less.',
  },
  options: v.strictObject({
    bits: choice({ label: 'Bits', help: 'Bits of a weight.', unit: 'bits' }, [4, 8], 8),
    group: GROUP,
    activation_bits: number(
      { label: 'Activation bits', help: 'Bits of what linears read, with a scale a token.', unit: 'bits' },
      { min: 2, max: 8, value: 8, whole: true },
    ),
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, () => packingOf(options), inputOf(options)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
