/**
 * @file The rotate-once schedule: every PCA on the dense model, then slicing to any dimension without running the model
 * again (`rotate` and `slice_rotated_model` of the official code). One calibration serves every position of the slider.
 */

import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { Dominant } from '../../backend/linalg/dominant.ts';
import type { DecoderLayer, DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { tableBlockRows } from '../../runtime/budgets.ts';
import { runLayersOver } from '../../runtime/model_pass.ts';
import { type BatchStates, withBatchStates } from '../../runtime/spill.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, rowsPerBatch } from '../../runtime/windows.ts';
import { DeflatedGram } from '../../statistics/gram.ts';
import type { CompressedModel, CompressionContext, SiteReport } from '../method.ts';
import { discardedEnergy } from './energy.ts';
import { firstCovariance } from './first_basis.ts';
import { FusedLoader, isCentred } from './fuse.ts';
import { storeEnds } from './heads.ts';
import type { HeadKind } from './plan.ts';
import { principalBasis } from './principal_basis.ts';
import { type Basis, identityBasis } from './rotate.ts';
import {
  knownCovariance,
  needsAnotherSum,
  type SiteCovariance,
  type StatesSum,
  siteCovariance,
  statesSum,
} from './site_covariance.ts';
import { EMBEDDING_SITE, inputSite, middleSite, outputSite, type Site, type SiteDimensions } from './sites.ts';
import { SitesTogether } from './sites_together.ts';
import { rotateAttentionInputs, rotateMlpInputs, storeAttention, storeMlp } from './slice_layer.ts';
import { storedType, WeightStore } from './store.ts';

/** What one calibration of the dense model leaves behind. */
export interface DenseBases {
  /** One a site, with the full dimension. */
  readonly sites: readonly SiteReport[];
  /** Q of each site, (D, D) F32. */
  readonly bases: readonly WeightRef[];
  /** Covariance of the embedded tokens, high and low parts, (D, D) F32 each: `tied-sliced` needs it for a first basis. */
  readonly embeddingCovariance: readonly [high: WeightRef, low: WeightRef];
}

/** Runs the calibration windows through the dense model and takes the PCA of every site. */
export async function calibrateDense(model: DecoderModel, context: CompressionContext): Promise<DenseBases> {
  return withArena(context.backend, (arena) =>
    withBatchStates(arena, context.spill, (states) => calibrate(arena, states, model, context)),
  );
}

async function calibrate(
  arena: Arena,
  hidden: BatchStates,
  model: DecoderModel,
  context: CompressionContext,
): Promise<DenseBases> {
  const D = model.config.hidden_size;
  const store = new WeightStore(arena, context.scratch, 'F32');
  const sites: SiteReport[] = [];
  const bases: WeightRef[] = [];
  let embeddingCovariance: DenseBases['embeddingCovariance'] | undefined;
  /** Sites whose states have to be summed once more, with the directions to leave out. */
  const unclear = new Map<number, Dominant>();
  /** Dominant directions of the last site: massive activations persist from layer to layer. */
  let carried: Dominant | undefined;

  const together = new SitesTogether(arena, D, D, context.signal, async ({ Q, report }, { index }) => {
    sites[index] = report;
    bases[index] = await store.put(Q, `Q.${index}`);
    context.observer.onSite?.(report);
  });
  const solve = async (site: Site, covariance: SiteCovariance) => {
    if (site.index === 0) embeddingCovariance = await storeCovariance(arena, store, covariance);
    await together.add({ site, covariance });
  };
  await eachSite(arena, hidden, model, context, {
    sum: () => statesSum(arena, D, carried),
    async onSite(site, sum) {
      const covariance = await siteCovariance(arena, sum, site);
      ({ carried } = covariance);
      if (needsAnotherSum(covariance)) unclear.set(site.index, covariance.dominant);
      await solve(site, covariance);
    },
  });
  await together.finish();
  if (unclear.size > 0) {
    await hidden.clear();
    await eachSite(arena, hidden, model, context, {
      again: true,
      sum: ({ index }) => {
        const dominant = unclear.get(index);
        return dominant && new DeflatedGram(arena, D, dominant);
      },
      onSite: async (site, sum) => solve(site, await siteCovariance(arena, sum, site)),
    });
    await together.finish();
  }
  return { sites, bases, embeddingCovariance: embeddingCovariance as DenseBases['embeddingCovariance'] };
}

interface SitesPass {
  /** The second pass over the same windows. */
  again?: boolean;
  /** What the states of a site are added to; none for a site that is not wanted. */
  sum(site: Site): StatesSum | undefined;
  /** All states were added. */
  onSite(site: Site, sum: StatesSum): Promise<void>;
}

/** Runs the windows through the dense model and sums the states of each site. */
async function eachSite(
  arena: Arena,
  hidden: BatchStates,
  model: DecoderModel,
  context: CompressionContext,
  { again = false, sum, onSite }: SitesPass,
): Promise<void> {
  const { backend, calibration, observer, signal } = context;
  const layers = model.layers.length;
  const parallel = model.layers[0].parallel === true;
  const pending = new Map<number, StatesSum | undefined>();
  const tapped = (site: Site, states: Tensor) => {
    if (!pending.has(site.index)) pending.set(site.index, sum(site));
    pending.get(site.index)?.add(centred(arena, model, states));
  };
  const solve = async (site: Site) => {
    const wanted = pending.get(site.index);
    pending.delete(site.index);
    if (wanted) await onSite(site, wanted);
  };
  /** The forward pass is taken for most of a layer's work, the PCAs that follow for the rest. */
  const report = (layer: number, share: number) => {
    const done = layer + (share < 1 ? 0.8 * share : 1);
    const tokens = done * calibration.count * calibration.seqlen;
    const step = again ? 'second pass without the dominant directions' : 'forward pass and PCA';
    // A second pass is rare and not known before: what is done stays done.
    observer.onProgress({ fraction: again ? 1 : done / layers, layer, layers, step, tokens });
  };
  report(0, 0);
  const batches = batchesOf(calibration, 0, calibration.count, rowsPerBatch(backend.info, model.config));
  const loader = new WeightLoader(arena, true);
  await runLayersOver(
    arena,
    loader,
    model,
    calibration,
    batches,
    hidden,
    {
      onTap(layer, name, states) {
        if (name === 'residual') tapped(inputSite(layer, parallel), states);
        if (name === 'mlp_residual') tapped(middleSite(layer), states);
      },
      onBatch: report,
      /** What the layer read is summed by then, and its sum is gone before the MLP's weights come. */
      async onHalf(layer) {
        await loader.assertFinite();
        arena.freeWorkspace();
        await solve(inputSite(layer, parallel));
      },
      async onLayer(layer) {
        await loader.assertFinite();
        arena.freeWorkspace();
        await solve(inputSite(layer, parallel));
        if (!parallel) await solve(middleSite(layer));
        report(layer, 1);
      },
    },
    signal,
  );
  const last = outputSite(layers - 1, parallel);
  for (const i of batches.keys()) {
    const states = await hidden.take(i);
    tapped(last, states);
    arena.free(states);
  }
  await solve(last);
}

/** In two F32 parts, which hold about 48 bits, some rows at a time. */
async function storeCovariance(
  arena: Arena,
  store: WeightStore,
  { H, size }: SiteCovariance,
): Promise<DenseBases['embeddingCovariance']> {
  const { backend } = arena;
  const rows_at_once = tableBlockRows(size, backend.info.maxTensorBytes);
  const put = (name: string, isLow: boolean) =>
    store.putBlocks(name, [size, size], rows_at_once, async ({ start, end }) => {
      const exact = H.subarray(start * size, end * size);
      const values = new Float32Array(exact);
      if (isLow) for (let i = 0; i < values.length; i++) values[i] = exact[i] - values[i];
      return arena.own(backend.fromArray(values, [end - start, size], name));
    });
  return [await put('embedding_covariance', false), await put('embedding_covariance.low', true)];
}

async function loadCovariance(
  arena: Arena,
  loader: WeightLoader,
  [high, low]: DenseBases['embeddingCovariance'],
): Promise<SiteCovariance> {
  const read = async (ref: WeightRef) => {
    const tensor = await loader.load(ref);
    const values = await arena.backend.read(tensor);
    arena.free(tensor);
    return values;
  };
  const H = Float64Array.from(await read(high));
  const rest = await read(low);
  for (let i = 0; i < H.length; i++) H[i] += rest[i];
  return knownCovariance(arena, H, high.shape[0], 1);
}

/** What the PCA of a site looks at: the states, or a copy without their mean where the fused model has none. */
function centred(arena: Arena, model: DecoderModel, states: Tensor): Tensor {
  if (!isCentred(model)) return states;
  const copy = arena.workspace('centred_states', states.shape);
  arena.backend.copy(states, copy);
  arena.backend.center_rows({ hidden_states: copy });
  return copy;
}

/** Slices to the given dimensions with bases that are already known. */
export async function sliceWithBases(
  model: DecoderModel,
  head: HeadKind,
  dimensions: SiteDimensions,
  dense: DenseBases,
  context: CompressionContext,
): Promise<CompressedModel> {
  return withArena(context.backend, async (arena) => {
    const { observer, signal } = context;
    const layers = model.layers.length;
    const loader = new WeightLoader(arena);
    const fused = new FusedLoader(arena, loader, isCentred(model));
    const store = new WeightStore(arena, context.scratch, storedType(model));
    const parallel = model.layers[0].parallel === true;
    const last = outputSite(layers - 1, parallel).index;
    const original = identityBasis(arena, model.config.hidden_size);
    const endsInOriginal = head === 'tied' || head === 'tied-sliced';
    const sites = dense.sites.slice(0, endsInOriginal ? last : undefined).map((site, i) => at(site, dimensions[i]));
    const load = async (site: number): Promise<Basis> => {
      if (site === last && endsInOriginal) return original;
      return { Q: await loader.load(dense.bases[site]), dimension: dimensions[site] };
    };
    let first = await load(0);
    let tableGram: Float64Array | undefined;
    if (head === 'tied-sliced') {
      const joint = await jointFirstBasis(arena, loader, model, dense, dimensions[0], signal);
      arena.free(first.Q);
      ({ basis: first, tableGram } = joint);
      sites[0] = joint.report;
    }
    let input = first;
    const sliced: DecoderLayer[] = [];
    for (const layer of model.layers) {
      throwIfCancelled(signal);
      observer.onProgress({
        fraction: layer.index / layers,
        layer: layer.index,
        layers,
        step: 'rotating and slicing weights',
        tokens: 0,
      });
      const output = await load(outputSite(layer.index, parallel).index);
      const middle = parallel ? input : await load(middleSite(layer.index).index);
      const attention = rotateAttentionInputs(arena, await fused.attention(layer), input, original);
      const attended = parallel ? output : middle;
      const slicedAttention = await storeAttention(arena, store, layer, attention, input, attended);
      const mlp = await rotateMlpInputs(arena, fused, layer, middle);
      const slicedMlp = await storeMlp(arena, store, layer, mlp, middle, output);
      sliced.push({ ...layer, ...slicedAttention, ...slicedMlp });
      if (middle !== input) arena.free(middle.Q);
      if (input !== first) arena.free(input.Q);
      input = output;
    }
    const ends = await storeEnds(arena, store, model, head, { first, last: input, tableGram });
    return { model: { config: model.config, layers: sliced, ...ends }, sites };
  });
}

function at(site: SiteReport, dimension: number): SiteReport {
  return { ...site, dimension, discarded_energy: discardedEnergy(site.eigenvalues, dimension) };
}

async function jointFirstBasis(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  dense: DenseBases,
  dimension: number,
  signal: AbortSignal,
) {
  const tokens = await loadCovariance(arena, loader, dense.embeddingCovariance);
  const { covariance, tableGram } = await firstCovariance(arena, model, 'tied-sliced', tokens);
  const { Q, report } = await principalBasis(arena, covariance, EMBEDDING_SITE, dimension, signal);
  return { basis: { Q, dimension }, report, tableGram };
}
