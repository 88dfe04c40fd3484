/**
 * @file How much a text uses each input of each linear: Σx², the Gram's diagonal, which llama.cpp calls an importance matrix.
 * Summed here of the model as it is, or given from a file.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod, LinearUse } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';

/** Of a linear: (inputs) Σx² in f64, and the tokens that were summed over. */
export interface InputEnergy {
  readonly sums: Float64Array;
  readonly tokens: number;
}

/** "3.down_proj". */
export function importanceKey({ layer, name }: Pick<LinearUse, 'layer' | 'name'>): string {
  return `${layer}.${name}`;
}

/** By {@link importanceKey}, of every linear on the calibration text. Changes nothing. */
export async function inputEnergies(
  model: DecoderModel,
  context: PassContext,
): Promise<ReadonlyMap<string, InputEnergy>> {
  const found = new Map<string, InputEnergy>();
  const collector: LinearMethod<undefined> = {
    statistics: () => ['diagonal'],
    change({ use }, { diagonal, tokens }) {
      found.set(importanceKey(use), { sums: diagonal as Float64Array, tokens });
      return undefined;
    },
  };
  await layerwise(collector, model, undefined, { ...context, before: [], after: [], checkpoints: undefined });
  return found;
}

/** A file is of the model as it was opened, layer by layer. Throws `bad_option` where a step before has dropped some of them. */
export function assertLayersOfFile(model: DecoderModel, dense: DecoderModel): void {
  const [own, opened] = [model, dense].map(({ layers }) => layers.length);
  if (own === opened) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `The importance matrix is of ${opened} layers, and a step before this one (depth does it) left ${own}: which is which it does not say.`,
    place: { field: 'imatrix' },
    allowed: 'an importance matrix of the model as the step gets it',
    action: 'Leave the file out: then the calibration text is measured where the step stands in the recipe.',
  });
}

/** What a file says of a linear. Throws `bad_option` where the model is another by now. */
export function givenImportance(
  given: ReadonlyMap<string, Float64Array>,
  use: Pick<LinearUse, 'layer' | 'name' | 'path'>,
  columns: number,
): Float64Array {
  const importance = given.get(importanceKey(use));
  if (importance?.length === columns) return importance;
  throw new WhittleError({
    code: 'bad_option',
    message: importance
      ? `The importance matrix has ${importance.length} inputs of ${use.path}, which has ${columns}.`
      : `The importance matrix says nothing of ${use.path}.`,
    place: { field: 'imatrix', layer: use.layer },
    allowed: 'an importance matrix of the model as the step gets it',
    action: 'Leave the file out: then the calibration text is measured where the step stands in the recipe.',
  });
}
