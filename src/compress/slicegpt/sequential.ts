/**
 * @file The sequential schedule: PCA interleaved with slicing, so that each basis sees the error of the slicing before
 * it (`rotate_and_slice_sequential` of the official code; slicegpt.md §4).
 *
 * One evaluation a layer, not two: the attention output after slicing is the captured signal times Q'[:, :d], exactly,
 * so the second run of the official code needs only the MLP.
 */

import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { attentionBlock, mlpBlock, parallelBlock } from '../../runtime/forward.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { type DeviceLayer, type DeviceMlp, WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch } from '../../runtime/windows.ts';
import type { CompressedModel, CompressionContext, SiteReport } from '../method.ts';
import { firstCovariance } from './first_basis.ts';
import { FusedLoader, isCentred } from './fuse.ts';
import { storeEnds } from './heads.ts';
import type { HeadKind } from './plan.ts';
import { principalBasis } from './principal_basis.ts';
import { type Basis, identityBasis, intoBasis } from './rotate.ts';
import { EMBEDDING_SITE, middleSite, outputSite, type Site, type SiteDimensions } from './sites.ts';
import { rotateAttentionInputs, rotateMlpInputs, storeAttention, storeMlp } from './slice_layer.ts';
import { storedType, WeightStore } from './store.ts';

export async function sliceSequential(
  model: DecoderModel,
  head: HeadKind,
  dimensions: SiteDimensions,
  context: CompressionContext,
): Promise<CompressedModel> {
  return withArena(context.backend, (arena) => new SequentialPass(arena, model, head, dimensions, context).run());
}

interface SlicedLayer {
  layer: DecoderLayer;
  /** The next layer's inputs in the basis `output`. */
  states: Tensor[];
  output: Basis;
}

class SequentialPass {
  private readonly sites: SiteReport[] = [];
  private readonly loader: WeightLoader;
  private readonly fused: FusedLoader;
  private readonly store: WeightStore;
  private readonly original: Basis;
  private readonly rotary: RotaryCache;
  private tokens = 0;

  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly head: HeadKind,
    private readonly dimensions: SiteDimensions,
    private readonly context: CompressionContext,
  ) {
    this.loader = new WeightLoader(arena, true);
    this.fused = new FusedLoader(arena, this.loader, isCentred(model));
    this.store = new WeightStore(arena, context.scratch, storedType(model));
    this.original = identityBasis(arena, model.config.hidden_size);
    this.rotary = new RotaryCache(arena, context.calibration.seqlen);
  }

  async run(): Promise<CompressedModel> {
    const { arena, model } = this;
    const windows = this.context.calibration;
    const batches = batchesOf(windows, 0, windows.count, rowsPerBatch(arena.backend.info));
    this.progress(0, 'embedding covariance', 0);
    const embedded = await embedTokens(
      arena,
      this.loader,
      model.embed_tokens,
      batches.map((batch) => batchIds(windows, batch)),
      windows.seqlen,
    );
    const tokens = this.emptyCovariance();
    for (const x of embedded) arena.backend.covariance({ hidden_states: x, covariance: tokens });
    const { covariance, tableGram } = await firstCovariance(arena, model, this.head, tokens);
    const first = await this.basis(covariance, EMBEDDING_SITE);
    let states = this.moveInto(embedded, first);
    let input = first;
    const layers: DecoderLayer[] = [];
    for (const layer of model.layers) {
      const slice = layer.parallel ? this.sliceParallel : this.sliceLayer;
      const sliced: SlicedLayer = await slice.call(this, layer, input, states);
      layers.push(sliced.layer);
      if (input !== first) this.freeBasis(input);
      ({ states, output: input } = sliced);
    }
    this.progress(model.layers.length, 'embedding and head', 1);
    const ends = await storeEnds(arena, this.store, model, this.head, { first, last: input, tableGram });
    return { model: { config: model.config, layers, ...ends }, sites: this.sites };
  }

  private async sliceLayer(layer: DecoderLayer, input: Basis, states: Tensor[]): Promise<SlicedLayer> {
    const { arena, context } = this;
    const { backend } = arena;
    const { index } = layer;
    const D = this.model.config.hidden_size;
    const { seqlen } = context.calibration;

    this.progress(index, 'attention', 0);
    const attention = rotateAttentionInputs(arena, await this.fused.attention(layer), input, this.original);
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    const middleCovariance = this.emptyCovariance();
    const middles: Tensor[] = [];
    for (const x of states) {
      const h = arena.empty([x.shape[0], D], 'attention_residual');
      attentionBlock(arena, layer.attention, attention, table, seqlen, x, h);
      backend.covariance({ hidden_states: h, covariance: middleCovariance });
      arena.free(x);
      middles.push(h);
      await this.step(index, 'attention and MLP-input covariance', 0, middles.length / states.length, x.shape[0]);
    }
    const middle = await this.basis(middleCovariance, middleSite(index));
    const slicedAttention = await storeAttention(arena, this.store, layer, attention, input, middle);

    const mlp = rotateMlpInputs(arena, await this.fused.mlp(layer), middle, this.original);
    const slicedInputs = this.moveInto(middles, middle);
    const { output, next } = this.endsInOriginal(layer)
      ? this.ending(slicedInputs)
      : await this.outputBasis(layer, await this.runMlp(layer, mlp, slicedInputs));
    const slicedMlp = await storeMlp(arena, this.store, layer, mlp, middle, output);
    await this.loader.assertFinite();
    this.freeBasis(middle);
    return { layer: { ...layer, ...slicedAttention, ...slicedMlp }, states: next, output };
  }

  /** One run and one PCA: q, k, v and the MLP share the input's basis, and both outputs take the next one (slicegpt.md §5). */
  private async sliceParallel(layer: DecoderLayer, input: Basis, states: Tensor[]): Promise<SlicedLayer> {
    const { arena } = this;
    this.progress(layer.index, 'attention and MLP', 0);
    const attention = rotateAttentionInputs(arena, await this.fused.attention(layer), input, this.original);
    const mlp = rotateMlpInputs(arena, await this.fused.mlp(layer), input);
    const { output, next } = this.endsInOriginal(layer)
      ? this.ending(states)
      : await this.outputBasis(layer, await this.runParallel(layer, { attention, mlp }, states));
    const slicedAttention = await storeAttention(arena, this.store, layer, attention, input, output);
    const slicedMlp = await storeMlp(arena, this.store, layer, mlp, input, output);
    await this.loader.assertFinite();
    return { layer: { ...layer, ...slicedAttention, ...slicedMlp }, states: next, output };
  }

  private isLast({ index }: DecoderLayer): boolean {
    return index === this.model.layers.length - 1;
  }

  /** A tied head keeps the last output in the original basis: no PCA, so nothing has to be run to get there. */
  private endsInOriginal(layer: DecoderLayer): boolean {
    return this.isLast(layer) && (this.head === 'tied' || this.head === 'tied-sliced');
  }

  private ending(states: Tensor[]) {
    this.arena.free(...states);
    return { output: this.original, next: [] };
  }

  private async outputBasis(layer: DecoderLayer, { covariance, states }: { covariance: Tensor; states: Tensor[] }) {
    const output = await this.basis(covariance, outputSite(layer.index, layer.parallel === true));
    if (!this.isLast(layer)) return { output, next: this.moveInto(states, output) };
    this.arena.free(...states);
    return { output, next: [] };
  }

  private async runParallel(layer: DecoderLayer, weights: DeviceLayer, inputs: Tensor[]) {
    const { arena } = this;
    const { seqlen } = this.context.calibration;
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    const covariance = this.emptyCovariance();
    const states: Tensor[] = [];
    for (const x of inputs) {
      const y = arena.empty([x.shape[0], this.model.config.hidden_size], 'hidden_states');
      parallelBlock(arena, layer, weights, table, seqlen, x, y);
      arena.backend.covariance({ hidden_states: y, covariance });
      arena.free(x);
      states.push(y);
      await this.step(
        layer.index,
        'layer and output covariance',
        0,
        (2 * states.length) / inputs.length,
        2 * x.shape[0],
      );
    }
    return { covariance, states };
  }

  private async runMlp({ index, mlp: spec }: DecoderLayer, mlp: DeviceMlp, inputs: Tensor[]) {
    const { arena } = this;
    const covariance = this.emptyCovariance();
    const states: Tensor[] = [];
    for (const h of inputs) {
      const y = arena.empty([h.shape[0], this.model.config.hidden_size], 'hidden_states');
      mlpBlock(arena, spec, mlp, h, y);
      arena.backend.covariance({ hidden_states: y, covariance });
      arena.free(h);
      states.push(y);
      await this.step(index, 'MLP and output covariance', 0.5, states.length / inputs.length, h.shape[0]);
    }
    return { covariance, states };
  }

  private async basis(covariance: Tensor, site: Site): Promise<Basis> {
    // A bad weight is named before its NaN shows in the covariance.
    await this.loader.assertFinite();
    const dimension = this.dimensions[site.index];
    const { Q, report } = await principalBasis(this.arena, covariance, site, dimension, this.context.signal);
    this.sites.push(report);
    this.context.observer.onSite?.(report);
    return { Q, dimension };
  }

  private moveInto(states: Tensor[], basis: Basis): Tensor[] {
    return states.map((x) => {
      const moved = intoBasis(this.arena, x, basis, 'sliced_states');
      this.arena.free(x);
      return moved;
    });
  }

  private emptyCovariance(): Tensor {
    const D = this.model.config.hidden_size;
    return this.arena.empty([D, D], 'covariance');
  }

  private freeBasis(basis: Basis): void {
    if (basis !== this.original) this.arena.free(basis.Q);
  }

  /** After one batch: half a layer is `share` done. Waits for the device, so that progress is true and cancel is quick. */
  private async step(layer: number, step: string, base: number, share: number, rows: number): Promise<void> {
    await this.arena.backend.sync();
    this.tokens += rows / 2;
    this.progress(layer, step, base + share / 2);
    throwIfCancelled(this.context.signal);
  }

  private progress(layer: number, step: string, withinLayer: number): void {
    const layers = this.model.layers.length;
    const fraction = Math.min(1, (layer + withinLayer) / layers);
    this.context.observer.onProgress({
      fraction,
      layer: Math.min(layer, layers - 1),
      layers,
      step,
      tokens: this.tokens,
    });
  }
}
