/**
 * @file What of a layer is on the device together: all of it, or of a large sequential layer one half after the other, so
 * that a 7 B model needs room for its MLP and not for its attention beside that. The same kernels on the same numbers.
 */
import type { Tensor } from '../backend/backend.ts';
import type { DecoderLayer, WeightRef } from '../models/decoder_model.ts';
import { elementCount } from '../tensor/shape.ts';
import type { Arena } from './arena.ts';
import { isHalved } from './budgets.ts';
import { attentionBlock, type KeptKeys, mlpBlock, parallelBlock, type RotaryTable, type Tap } from './forward.ts';
import {
  attentionWeights,
  type DeviceLayer,
  freeDeviceLayer,
  freeDevicePart,
  mlpWeights,
  type WeightLoader,
} from './weights.ts';

export interface LayerPart {
  readonly layer: DecoderLayer;
  /** Absent: the whole layer. */
  readonly half?: 'attention' | 'mlp';
  /** What `load` reads. */
  readonly weights: readonly (WeightRef | undefined)[];
  load(): Promise<LoadedPart>;
}

export interface LoadedPart {
  /** For one batch; `x` is used up. @param length Of its windows, where they are others than those of the pass. */
  run(x: Tensor, table: RotaryTable | undefined, tap?: Tap, length?: number): Tensor;
  free(): void;
}

/** All that a pass goes through, in order. */
export function layerParts(
  arena: Arena,
  loader: WeightLoader,
  layers: readonly DecoderLayer[],
  seqlen: number,
): LayerPart[] {
  return layers.flatMap((layer) => {
    const [attention, mlp] = [attentionWeights(layer), mlpWeights(layer)];
    if (layer.parallel || !isHalved(elementsOf([...attention, ...mlp]))) {
      return [
        partOf(
          { layer, weights: [...attention, ...mlp] },
          () => loader.layer(layer),
          (loaded, x, table, tap, length = seqlen) => runLayer(arena, layer, loaded, table, length, x, tap),
          (loaded) => freeDeviceLayer(arena, loaded),
        ),
      ];
    }
    return [
      partOf(
        { layer, half: 'attention', weights: attention },
        () => loader.attention(layer),
        (loaded, x, table, tap, length = seqlen) =>
          attentionBlock(arena, layer.attention, loaded, table, length, x, tap),
        (loaded) => freeDevicePart(arena, loaded),
      ),
      partOf(
        { layer, half: 'mlp', weights: mlp },
        () => loader.mlp(layer),
        (loaded, h, _, tap, length = seqlen) => mlpBlock(arena, layer.mlp, loaded, length, h, tap),
        (loaded) => freeDevicePart(arena, loaded),
      ),
    ];
  });
}

/** A part that has its weights from `load` until it is freed. */
function partOf<Weights>(
  part: Omit<LayerPart, 'load'>,
  load: () => Promise<Weights>,
  run: (weights: Weights, ...args: Parameters<LoadedPart['run']>) => Tensor,
  free: (weights: Weights) => void,
): LayerPart {
  return {
    ...part,
    async load() {
      const loaded = await load();
      return { run: (...args) => run(loaded, ...args), free: () => free(loaded) };
    },
  };
}

/** One layer for one batch; `x` is used up. */
export function runLayer(
  arena: Arena,
  layer: DecoderLayer,
  weights: DeviceLayer,
  table: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  tap?: Tap,
  kept?: KeptKeys,
): Tensor {
  if (layer.parallel) return parallelBlock(arena, layer, weights, table, seqlen, x, tap, kept);
  const h = attentionBlock(arena, layer.attention, weights.attention, table, seqlen, x, tap, kept);
  return mlpBlock(arena, layer.mlp, weights.mlp, seqlen, h, tap);
}

function elementsOf(weights: LayerPart['weights']): number {
  return weights.reduce((sum, ref) => sum + (ref ? elementCount(ref.shape) : 0), 0);
}
