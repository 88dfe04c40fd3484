/** @file Which linears a training changes, and what they are held in afterwards. */
import type { DecoderModel, ModelOutline, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { type PackingKind, packingLabel } from '../../models/packed/packing.ts';
import type { Arena } from '../../runtime/arena.ts';
import { type Adapter, createAdapter } from '../../runtime/backward/adapters.ts';
import { layerLinears, linearOf, linearPath, withWeights } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import { storedType } from '../slicegpt/store.ts';
import { normals } from './random.ts';

/** What can hold other numbers in the same bytes: floats, sparse ones with their mask, integers on their grid. */
const TRAINED: Readonly<Record<PackingKind, boolean>> = {
  ...{ grouped: true, sparse: true },
  ...{ columns: false, low_rank: false, blocks: false, tensor_train: false },
};

export function isTrained({ packed }: WeightOutline): boolean {
  return !packed || TRAINED[packed.kind];
}

/** Linears in model order, with their places. */
export function linearPlaces<W extends WeightOutline>(
  model: DecoderModel<W>,
): { layer: number; name: LinearName; path: string; weight: W }[] {
  return model.layers.flatMap((layer, index) =>
    layerLinears(layer).map((name) => ({
      ...{ layer: index, name, path: linearPath(layer.index, name) },
      weight: linearOf(layer, name).weight,
    })),
  );
}

/** The result without its numbers: floats in the type that made models have, the rest as they are. */
export function plannedTraining(model: ModelOutline): ModelOutline {
  const dtype = storedType(model);
  const layers = model.layers.map((layer) =>
    withWeights(
      layer,
      new Map(
        layerLinears(layer).map((name) => {
          const { weight } = linearOf(layer, name);
          return [name, weight.packed ? weight : { name: weight.name, shape: weight.shape, dtype }] as const;
        }),
      ),
    ),
  );
  return { ...model, layers };
}

/** A sentence's second half, where nothing can be trained. */
export function trainingRefusal(model: ModelOutline): string | undefined {
  const places = linearPlaces(model);
  if (places.some(({ weight }) => isTrained(weight))) return undefined;
  const [{ weight }] = places;
  const how = weight.packed ? packingLabel(weight.packed) : weight.dtype;
  return `all of its linears are packed as ${how}, which cannot take what is learnt. Train before the step that packs them`;
}

/** Seeded adapters: A of a normal distribution of variance 1/inputs, B zero, so that the first step begins at the model itself. */
export async function seededAdapters(
  arena: Arena,
  model: DecoderModel,
  { rank, alpha, seed }: { readonly rank: number; readonly alpha: number; readonly seed: number },
): Promise<Map<WeightRef, Adapter>> {
  const adapters = new Map<WeightRef, Adapter>();
  for (const [index, { weight }] of linearPlaces(model).entries()) {
    if (!isTrained(weight) || adapters.has(weight)) continue;
    const [rows, columns] = weight.shape;
    const A = normals(rank * columns, 1 / Math.sqrt(columns), seed, 2, index);
    const B = new Float32Array(rows * rank);
    const mask = await maskOf(weight);
    const made = createAdapter(arena, { A, B, scale: alpha / rank, ...(mask && { mask }) }, weight.shape, weight.name);
    adapters.set(weight, made);
  }
  return adapters;
}

async function maskOf(weight: WeightRef): Promise<Float32Array | undefined> {
  const values = weight.packed?.kind === 'sparse' ? await weight.unpack?.() : undefined;
  return values && 'mask' in values ? Float32Array.from(values.mask) : undefined;
}
