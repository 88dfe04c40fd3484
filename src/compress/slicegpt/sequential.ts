/**
 * @file The sequential schedule: PCA interleaved with slicing, so that each basis sees the error of the slicing before
 * it (`rotate_and_slice_sequential` of the official code; slicegpt.md §4).
 *
 * One evaluation a layer, not two: the attention output after slicing is the captured signal times Q'[:, :d], exactly,
 * so the second run of the official code needs only the MLP.
 */

import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { Dominant } from '../../backend/linalg/dominant.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { attentionBlock, mlpBlock, parallelBlock } from '../../runtime/forward.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { type BatchStates, withBatchStates } from '../../runtime/spill.ts';
import { attentionWeights, type DeviceLayer, type DeviceMlp, mlpWeights, WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch } from '../../runtime/windows.ts';
import type { CompressedModel, CompressionContext, PassCheckpoint, SiteReport } from '../method.ts';
import { firstCovariance } from './first_basis.ts';
import { FusedLoader, isCentred } from './fuse.ts';
import { storeEnds } from './heads.ts';
import type { HeadKind } from './plan.ts';
import { principalBasis } from './principal_basis.ts';
import { type RecoverOptions, Recovery } from './recovery.ts';
import { type Basis, identityBasis, intoBasis } from './rotate.ts';
import { type SiteCovariance, type StatesSum, siteCovariance, statesSum } from './site_covariance.ts';
import { EMBEDDING_SITE, middleSite, outputSite, type Site, type SiteDimensions } from './sites.ts';
import { rotateAttentionInputs, rotateMlpInputs, storeAttention, storeMlp } from './slice_layer.ts';
import { storedType, WeightStore } from './store.ts';

export async function sliceSequential(
  model: DecoderModel,
  head: HeadKind,
  dimensions: SiteDimensions,
  context: CompressionContext,
  recover?: { options: RecoverOptions; dense: DecoderModel },
): Promise<CompressedModel> {
  const { spill } = context;
  // Two streams share one budget.
  const share = recover && spill ? { ...spill, budgetBytes: Math.floor(spill.budgetBytes / 2) } : spill;
  return withArena(context.backend, (arena) =>
    withBatchStates(arena, share, (states) => {
      const pass = new SequentialPass(arena, states, model, head, dimensions, context);
      if (!recover) return pass.run();
      return withBatchStates(arena, share, (dense) => pass.recovering(recover.dense, dense, recover.options).run());
    }),
  );
}

interface SlicedLayer {
  layer: DecoderLayer;
  /** The basis that the next layer's inputs are to be moved into. */
  output: Basis;
}

/** Between two layers. */
interface Progressed {
  readonly first: Basis;
  readonly input: Basis;
  readonly tableGram?: Float64Array | undefined;
  readonly layers: DecoderLayer[];
}

/** The same as it is put down, without its bases, which are tensors. */
interface Finished {
  readonly layers: readonly DecoderLayer[];
  readonly sites: readonly SiteReport[];
  readonly tokens: number;
  /** Of the first basis and of the next layer's input. */
  readonly dimensions: readonly [first: number, input: number];
  readonly carried?: Dominant;
  readonly tableGram?: Float64Array;
}

class SequentialPass {
  private readonly sites: SiteReport[] = [];
  private readonly loader: WeightLoader;
  private readonly fused: FusedLoader;
  private readonly store: WeightStore;
  private readonly original: Basis;
  private readonly rotary: RotaryCache;
  private tokens = 0;
  /** Dominant directions of the last site. */
  private carried?: Dominant;
  private recovery?: Recovery;
  private denseStates?: BatchStates;

  constructor(
    private readonly arena: Arena,
    /** Of each batch, in D dimensions: inputs of the layer at hand, then its residuals in the middle, then its outputs. */
    private readonly states: BatchStates,
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

  /** Refits what is sliced towards the stream of the dense model, whose states are kept in `states`. */
  recovering(dense: DecoderModel, states: BatchStates, options: RecoverOptions): this {
    this.denseStates = states;
    this.recovery = new Recovery(this.arena, dense, this.fused, states, this.states, options, this.context);
    return this;
  }

  async run(): Promise<CompressedModel> {
    const { arena, model } = this;
    const windows = this.context.calibration;
    const rows = rowsPerBatch(arena.backend.info, model.config);
    // Batches are what is held back to choose a ridge by: four at least.
    const most = this.recovery ? Math.min(rows, Math.ceil(windows.count / 4) * windows.seqlen) : rows;
    const ids = batchesOf(windows, 0, windows.count, most).map((batch) => batchIds(windows, batch));
    const found = await this.context.checkpoints?.take<Finished>(this.streams());
    const { first, tableGram, layers, ...begun } = found ? this.resume(found) : await this.begin(ids);
    let { input } = begun;
    for (const layer of model.layers.slice(layers.length)) {
      const slice = layer.parallel ? this.sliceParallel : this.sliceLayer;
      const sliced: SlicedLayer = await slice.call(this, layer, input);
      layers.push(sliced.layer);
      if (input !== first) this.freeBasis(input);
      input = sliced.output;
      if (!this.isLast(layer)) await this.checkpoint({ first, input, tableGram, layers });
    }
    await this.states.clear();
    arena.freeWorkspace();
    this.progress(model.layers.length, 'embedding and head', 1);
    const ends = await storeEnds(arena, this.store, model, this.head, { first, last: input, tableGram });
    return { model: { config: model.config, layers, ...ends }, sites: this.sites };
  }

  /** Everything before the first layer. */
  private async begin(ids: readonly Uint32Array[]): Promise<Progressed> {
    const { arena, model } = this;
    const { seqlen } = this.context.calibration;
    this.progress(0, 'embedding covariance', 0);
    const sum = this.statesSum();
    await embedTokens(arena, this.loader, model.embed_tokens, ids, seqlen, async (x, index) => {
      sum.add(x);
      await this.states.put(index, x);
    });
    await this.recovery?.begin(ids);
    const tokens = await this.covariance(sum, EMBEDDING_SITE);
    const { covariance, tableGram } = await firstCovariance(arena, model, this.head, tokens);
    const first = await this.basis(covariance, EMBEDDING_SITE);
    return { first, input: first, tableGram, layers: [] };
  }

  private streams(): Record<string, BatchStates> {
    return { sliced: this.states, ...(this.denseStates && { dense: this.denseStates }) };
  }

  private async checkpoint({ first, input, tableGram, layers }: Progressed): Promise<void> {
    await this.context.checkpoints?.save<Finished>(() => {
      const { sites, carried, tokens } = this;
      const dimensions = [first.dimension, input.dimension] as const;
      return {
        done: layers.length,
        layers: this.model.layers.length,
        value: { layers, sites, tokens, dimensions, ...(carried && { carried }), ...(tableGram && { tableGram }) },
        tensors: { first: first.Q, input: input.Q },
      };
    }, this.streams());
  }

  /** What an earlier engine had done stands as if this one had. */
  private resume({ value, tensors }: PassCheckpoint<Finished>): Progressed {
    const { layers, sites, carried, tokens, dimensions, tableGram } = value;
    this.sites.push(...sites);
    this.carried = carried;
    this.tokens = tokens;
    const [first, input] = [
      { Q: tensors.first, dimension: dimensions[0] },
      { Q: tensors.input, dimension: dimensions[1] },
    ];
    return { first, input, tableGram, layers: [...layers] };
  }

  private async sliceLayer(layer: DecoderLayer, input: Basis): Promise<SlicedLayer> {
    const { arena, context } = this;
    const { index } = layer;
    const { seqlen } = context.calibration;

    this.progress(index, 'attention', 0);
    const attention = rotateAttentionInputs(arena, await this.fused.attention(layer), input, this.original);
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    await this.recovery?.refit(layer, { attention }, input, table);
    this.loader.prefetch(mlpWeights(layer));
    const sum = this.statesSum();
    await this.eachBatch(index, 'attention and MLP-input covariance', 0, 0.5, input, (x) => {
      const h = attentionBlock(arena, layer.attention, attention, table, seqlen, x);
      sum.add(h);
      return h;
    });
    const middle = await this.siteBasis(sum, middleSite(index));
    const isRefitted = this.recovery !== undefined;
    const slicedAttention = await storeAttention(arena, this.store, layer, attention, input, middle, isRefitted);

    const mlp = await rotateMlpInputs(arena, this.fused, layer, middle, this.original);
    await this.recovery?.refit(layer, { mlp }, middle, table);
    this.prefetchAfter(layer);
    const output = this.endsInOriginal(layer)
      ? this.original
      : await this.outputBasis(layer, await this.runMlp(layer, mlp, middle));
    const slicedMlp = await storeMlp(arena, this.store, layer, mlp, middle, output, isRefitted);
    await this.loader.assertFinite();
    this.freeBasis(middle);
    return { layer: { ...layer, ...slicedAttention, ...slicedMlp }, output };
  }

  /** One run and one PCA: q, k, v and the MLP share the input's basis, and both outputs take the next one (slicegpt.md §5). */
  private async sliceParallel(layer: DecoderLayer, input: Basis): Promise<SlicedLayer> {
    const { arena } = this;
    this.progress(layer.index, 'attention and MLP', 0);
    const attention = rotateAttentionInputs(arena, await this.fused.attention(layer), input, this.original);
    const mlp = await rotateMlpInputs(arena, this.fused, layer, input);
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    await this.recovery?.refit(layer, { attention, mlp }, input, table);
    this.prefetchAfter(layer);
    const output = this.endsInOriginal(layer)
      ? this.original
      : await this.outputBasis(layer, await this.runParallel(layer, { attention, mlp }, input));
    const isRefitted = this.recovery !== undefined;
    const slicedAttention = await storeAttention(arena, this.store, layer, attention, input, output, isRefitted);
    const slicedMlp = await storeMlp(arena, this.store, layer, mlp, input, output, isRefitted);
    await this.loader.assertFinite();
    return { layer: { ...layer, ...slicedAttention, ...slicedMlp }, output };
  }

  private isLast({ index }: DecoderLayer): boolean {
    return index === this.model.layers.length - 1;
  }

  /** A tied head keeps the last output in the original basis: no PCA, so nothing has to be run to get there. */
  private endsInOriginal(layer: DecoderLayer): boolean {
    return this.isLast(layer) && (this.head === 'tied' || this.head === 'tied-sliced');
  }

  private outputBasis(layer: DecoderLayer, sum: StatesSum): Promise<Basis> {
    return this.siteBasis(sum, outputSite(layer.index, layer.parallel === true));
  }

  private async runParallel(layer: DecoderLayer, weights: DeviceLayer, input: Basis): Promise<StatesSum> {
    const { arena } = this;
    const { seqlen } = this.context.calibration;
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    const sum = this.statesSum();
    await this.eachBatch(layer.index, 'layer and output covariance', 0, 1, input, (x) => {
      const y = parallelBlock(arena, layer, weights, table, seqlen, x);
      sum.add(y);
      return y;
    });
    return sum;
  }

  private async runMlp({ index, mlp: spec }: DecoderLayer, mlp: DeviceMlp, middle: Basis): Promise<StatesSum> {
    const { arena } = this;
    const sum = this.statesSum();
    await this.eachBatch(index, 'MLP and output covariance', 0.5, 0.5, middle, (h) => {
      const y = mlpBlock(arena, spec, mlp, this.context.calibration.seqlen, h);
      sum.add(y);
      return y;
    });
    return sum;
  }

  /**
   * Replaces the states of each batch by what `run`, which uses them up, makes of them, (rows, D). They are moved into
   * `basis` at their use, not before, so that they leave and enter the device once.
   */
  private async eachBatch(
    layer: number,
    step: string,
    base: number,
    part: number,
    basis: Basis,
    run: (x: Tensor) => Tensor,
  ): Promise<void> {
    const { arena, states } = this;
    const { count } = states;
    for (let i = 0; i < count; i++) {
      const original = await states.take(i);
      const x = intoBasis(arena, original, basis, 'sliced_states');
      arena.free(original);
      await states.put(i, run(x));
      await this.step(layer, step, base + (part * (i + 1)) / count, part * x.shape[0]);
    }
  }

  /** The next layer's first weights are read while the device works on this one. */
  private prefetchAfter({ index }: DecoderLayer): void {
    const next = this.model.layers[index + 1];
    if (!next) return;
    this.loader.prefetch(attentionWeights(next));
    if (next.parallel) this.loader.prefetch(mlpWeights(next));
  }

  private async siteBasis(sum: StatesSum, site: Site): Promise<Basis> {
    return this.basis(await this.covariance(sum, site), site);
  }

  private async covariance(sum: StatesSum, site: Site): Promise<SiteCovariance> {
    const { arena, states } = this;
    arena.freeWorkspace();
    // A bad weight is named before its NaN shows in the covariance.
    await this.loader.assertFinite();
    const covariance = await siteCovariance(arena, sum, site, async (deflated) => {
      const { count } = states;
      for (let i = 0; i < count; i++) {
        const x = await states.take(i);
        deflated.add(x);
        await states.put(i, x);
        await arena.backend.sync();
        throwIfCancelled(this.context.signal);
      }
    });
    this.carried = covariance.carried;
    return covariance;
  }

  private async basis(covariance: SiteCovariance, site: Site): Promise<Basis> {
    const dimension = this.dimensions[site.index];
    const { Q, report } = await principalBasis(this.arena, covariance, site, dimension, this.context.signal);
    this.sites.push(report);
    this.context.observer.onSite?.(report);
    return { Q, dimension };
  }

  private statesSum(): StatesSum {
    return statesSum(this.arena, this.model.config.hidden_size, this.carried);
  }

  private freeBasis(basis: Basis): void {
    if (basis !== this.original) this.arena.free(basis.Q);
  }

  /** After one batch: `withinLayer` of the layer is done. Waits for the device, so that progress is true and cancel is quick. */
  private async step(layer: number, step: string, withinLayer: number, tokens: number): Promise<void> {
    await this.arena.backend.sync();
    this.tokens += tokens;
    this.progress(layer, step, withinLayer);
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
