/**
 * @file One pass of some windows through all layers of a model, layer by layer: a layer's weights are loaded, used by
 * every batch, and freed; of a large layer a half at a time (`layer_parts.ts`). What comes next is read while the device works; only
 * one layer is on the device.
 */

import type { Tensor } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel, Rotary } from '../models/decoder_model.ts';
import { inSpan } from '../pulse/timeline.ts';
import type { Arena } from './arena.ts';
import { embedTokens } from './embed.ts';
import { type RotaryTable, rotaryTable, type Stretch, type Tap } from './forward.ts';
import { type LayerPart, type LoadedPart, layerParts } from './layer_parts.ts';
import { BatchStates } from './spill.ts';
import type { WeightLoader } from './weights.ts';
import { batchIds, isSlow, type TokenWindows, type WindowBatch } from './windows.ts';

export interface PassObserver {
  /** Weights of a layer or of a half are there, and no batch has gone through them yet. */
  onWeights?(part: LayerPart, loaded: LoadedPart): Promise<void>;
  /** On slow devices: this share of the batches has gone through a layer. */
  onBatch?(layer: number, share: number): void;
  /** The attention half of a large layer has gone through for all batches; its weights are gone, those of the MLP not yet there. */
  onHalf?(layer: number): void | Promise<void>;
  /** A layer has gone through for all batches. */
  onLayer?(layer: number): void | Promise<void>;
  /** Called for every tapped activation of a layer. */
  onTap?(layer: number, ...tap: Parameters<Tap>): void;
}

/** Hidden states of each batch after the last layer, (tokens, d), owned by the arena. */
export async function runLayers(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  observer: PassObserver = {},
  signal?: AbortSignal,
): Promise<Tensor[]> {
  const states = new BatchStates(arena);
  await runLayersOver(arena, loader, model, windows, batches, states, observer, signal);
  const hidden: Tensor[] = [];
  for (const i of batches.keys()) hidden.push(await states.take(i));
  return hidden;
}

/** As {@link runLayers}, with the hidden states of all batches in `states`, which may leave the device between layers. */
export async function runLayersOver(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  states: BatchStates,
  observer: PassObserver = {},
  signal?: AbortSignal,
): Promise<void> {
  const { seqlen } = windows;
  const ids = batches.map((batch) => batchIds(windows, batch));
  await embedTokens(arena, loader, model.embed_tokens, ids, seqlen, (x, i) => states.put(i, x));
  await runLayersFrom(arena, loader, model.layers, seqlen, batches.length, states, observer, signal);
}

/** Some consecutive layers over states of `batches` batches that stand before the first of them. */
export async function runLayersFrom(
  arena: Arena,
  loader: WeightLoader,
  layers: readonly DecoderLayer[],
  seqlen: number,
  batches: number,
  states: BatchStates,
  observer: PassObserver = {},
  signal?: AbortSignal,
): Promise<void> {
  const { backend } = arena;
  const rotary = new RotaryCache(arena, seqlen);
  const parts = layerParts(arena, loader, layers, seqlen);
  // All at once, so that they are read together.
  const prefetch = (part: LayerPart | undefined) => part && loader.prefetch(part.weights);
  prefetch(parts[0]);
  for (const [position, part] of parts.entries()) {
    throwIfCancelled(signal);
    const { layer, half } = part;
    const loaded = await inSpan('weights', () => part.load());
    // Before anything is read ahead, which would get in between.
    await observer.onWeights?.(part, loaded);
    prefetch(parts[position + 1]);
    const table = layer.attention.rotary && rotary.get(layer.attention.rotary);
    const tap: Tap | undefined = observer.onTap && ((name, states) => observer.onTap?.(layer.index, name, states));
    const [before, of] = half === undefined ? [0, 1] : [half === 'mlp' ? 0.5 : 0, 0.5];
    for (let i = 0; i < batches; i++) {
      const x = await states.take(i);
      await states.put(i, loaded.run(x, table, tap));
      // A slow device gets one batch at a time, so that progress is seen and cancelling is quick.
      if (isSlow(backend.info) && (i < batches - 1 || half === 'attention')) {
        await backend.sync();
        throwIfCancelled(signal);
        observer.onBatch?.(layer.index, before + (of * (i + 1)) / batches);
      }
    }
    await backend.sync();
    loaded.free();
    if (half === 'attention') await observer.onHalf?.(layer.index);
    else await observer.onLayer?.(layer.index);
  }
}

/** Tables of the rotary embeddings in use; layers usually share one. */
export class RotaryCache {
  private readonly tables = new Map<Rotary, RotaryTable>();

  constructor(
    private readonly arena: Arena,
    private readonly seqlen: number,
    private readonly stretch?: Stretch,
  ) {}

  get(rotary: Rotary): RotaryTable {
    const table = this.tables.get(rotary) ?? rotaryTable(this.arena, rotary, this.seqlen, this.stretch);
    this.tables.set(rotary, table);
    return table;
  }

  free(): void {
    for (const { cos, sin, query } of this.tables.values()) this.arena.free(cos, sin, query?.cos, query?.sin);
    this.tables.clear();
  }
}
