/** @file Which linears a training changes, and what they are held in afterwards. */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderModel, ModelOutline, Norm, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { type PackingKind, packingLabel } from '../../models/packed/packing.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { TrainedLinears } from '../../runtime/backward/trained.ts';
import type { ColumnScales, WholeWeights } from '../../runtime/backward/trained_loader.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { layerLinears, linearOf, linearPath, withWeights } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import { storedType } from '../slicegpt/store.ts';

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
export function plannedTraining(model: ModelOutline, options: WholeOptions = {}): ModelOutline {
  const dtype = storedType(model);
  const whole = wholeRefs(model, options).map((ref) => [ref, { name: ref.name, shape: ref.shape, dtype }] as const);
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
  return replaceWeights({ ...model, layers }, new Map<WeightOutline, WeightOutline>(whole));
}

/** A sentence's second half, where nothing can be trained. */
export function trainingRefusal(model: ModelOutline): string | undefined {
  const places = linearPlaces(model);
  if (places.some(({ weight }) => isTrained(weight))) return undefined;
  const [{ weight }] = places;
  const how = weight.packed ? packingLabel(weight.packed) : weight.dtype;
  return `all of its linears are packed as ${how}, which cannot take what is learnt. Train before the step that packs them`;
}

/** What a training changes. */
export interface Trainable {
  readonly adapters: TrainedLinears;
  readonly whole: WholeWeights;
  /** Keys and values are rounded while it trains and is measured, in so many levels on both sides of 0. */
  readonly cacheLevels?: number;
  /** What the inputs of some linears count, while units go. */
  readonly columns?: ColumnScales;
}

export interface WholeOptions {
  readonly shortcuts?: boolean;
  readonly norms?: boolean;
}

/**
 * Weights that are trained as they are: shortcuts of slicing, norms with biases of linears.
 * @param only Of this layer alone, without the final norm.
 */
export function wholeRefs<W extends WeightOutline>(
  model: DecoderModel<W>,
  { shortcuts, norms }: WholeOptions,
  only?: number,
): W[] {
  const found = new Set<W>();
  const add = (weight: W | undefined) => {
    if (weight && !weight.packed) found.add(weight);
  };
  const addNorm = (norm: Norm<W> | undefined) => {
    // Where something is added to the stored weight, or each head has its own, the loader makes another tensor of it.
    if (!norm || norm.weight_offset || norm.heads !== undefined) return;
    for (const weight of [norm.weight, norm.bias]) if (weight?.shape.length === 1) add(weight);
  };
  for (const layer of only === undefined ? model.layers : [model.layers[only]]) {
    if (shortcuts) for (const weight of [layer.attn_shortcut_Q, layer.mlp_shortcut_Q]) add(weight);
    if (!norms) continue;
    const { attention } = layer;
    for (const norm of [layer.input_layernorm, layer.post_attention_layernorm, attention.q_norm, attention.k_norm])
      addNorm(norm);
    for (const norm of [layer.attention_output_norm, layer.mlp_output_norm]) addNorm(norm);
    for (const name of layerLinears(layer)) add(linearOf(layer, name).bias);
  }
  if (norms && only === undefined) addNorm(model.norm);
  return [...found];
}

/** @param only As of {@link wholeRefs}. */
export async function loadWhole(
  arena: Arena,
  model: DecoderModel,
  options: WholeOptions,
  only?: number,
): Promise<WholeWeights> {
  const loader = new WeightLoader(arena);
  const loaded = new Map<WeightRef, Tensor>();
  for (const ref of wholeRefs(model, options, only)) loaded.set(ref, await loader.load(ref));
  return loaded;
}
