/**
 * @file The gradients of every linear of the layers, layer by layer as the reverse pass comes to them: those of one layer are on
 * the device at a time, and only what is made of them stays.
 */
import type { DecoderLayer, DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { withArena } from '../../runtime/arena.ts';
import { Rotations } from '../../runtime/backward/context.ts';
import { Gradients } from '../../runtime/backward/gradients.ts';
import { modelGradients } from '../../runtime/backward/model.ts';
import { NO_ADAPTERS, TrainedLoader } from '../../runtime/backward/trained_loader.ts';
import { batchesOf, rowsPerBatch } from '../../runtime/windows.ts';
import { layerLinears, linearOf } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';

/** Of one weight, shaped as it. */
export interface WeightGradient {
  /** Of the mean loss over all windows. */
  readonly mean: Float64Array;
  /** Mean over windows of the squared gradient of the window's own loss: the diagonal of the Fisher matrix. */
  readonly squares?: Float64Array;
}

export type LayerGradients = ReadonlyMap<LinearName, WeightGradient>;

/**
 * Calls `onLayer` for the last layer first.
 * @param wantsSquares Windows then go through one at a time.
 * @throws `cancelled`, and what the backend throws.
 */
export async function layerGradients(
  model: DecoderModel,
  context: Pick<PassContext, 'backend' | 'calibration' | 'spill' | 'signal'>,
  wantsSquares: boolean,
  onLayer: (layer: DecoderLayer, gradients: LayerGradients) => Promise<void>,
  onProgress: (fraction: number) => void,
): Promise<void> {
  const { backend, calibration: windows, spill, signal } = context;
  const wanted = new Set(
    model.layers.flatMap((layer) => layerLinears(layer).map((name) => linearOf(layer, name).weight)),
  );
  await withArena(backend, async (arena) => {
    const gradients = new Gradients(arena, (ref) => wanted.has(ref));
    const backward = { arena, gradients, adapters: NO_ADAPTERS, rotations: new Rotations(arena, windows.seqlen) };
    const batches = batchesOf(windows, 0, windows.count, wantsSquares ? windows.seqlen : rowsPerBatch(backend.info));
    const sums = new LayerSums(windows.count, wantsSquares);
    await modelGradients(backward, new TrainedLoader(arena, NO_ADAPTERS), model, windows, batches, {
      ...(spill && { spill }),
      signal,
      onProgress,
      async onLayer(layer, batch) {
        const isLast = batch === batches.length - 1;
        if (!wantsSquares && !isLast) return;
        for (const name of layerLinears(layer)) await sums.add(name, linearOf(layer, name).weight, gradients);
        gradients.clear();
        if (isLast) await onLayer(layer, sums.take());
      },
    });
  });
}

/** Sums over the windows, in f64. */
class LayerSums {
  private sums = new Map<LinearName, { mean: Float64Array; squares?: Float64Array }>();

  constructor(
    private readonly windows: number,
    private readonly wantsSquares: boolean,
  ) {}

  async add(name: LinearName, ref: WeightRef, gradients: Gradients): Promise<void> {
    const values = await gradients.read(ref);
    const sum = this.sums.get(name);
    // Windows are as many parts of the mean loss: a window's own gradient is so many times larger.
    const squares = this.wantsSquares ? (sum?.squares ?? new Float64Array(values.length)) : undefined;
    if (squares) for (let i = 0; i < values.length; i++) squares[i] += this.windows * values[i] ** 2;
    if (sum) for (let i = 0; i < values.length; i++) sum.mean[i] += values[i];
    else this.sums.set(name, { mean: values, ...(squares && { squares }) });
  }

  take(): LayerGradients {
    const { sums } = this;
    this.sums = new Map();
    return sums;
  }
}
