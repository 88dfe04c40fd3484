/**
 * @file Gradients of a whole model, without a tape: forward over all layers with each layer's input kept, the loss at the head, then
 * the layers downwards, each from what was kept of it (`kept_layers.ts`) or run forward again from its input. The weights of one layer
 * are on the device; inputs may wait in a scratch store.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { embedTokens } from '../embed.ts';
import { runLayer } from '../layer_parts.ts';
import { nextTokens } from '../perplexity.ts';
import { BatchStates, type SpillOptions } from '../spill.ts';
import { attentionWeights, freeDeviceLayer, mlpWeights, type WeightLoader } from '../weights.ts';
import { batchIds, isSlow, type TokenWindows, type WindowBatch } from '../windows.ts';
import type { BackwardContext } from './context.ts';
import { embeddingBackward, trainsEmbedding } from './embed.ts';
import { type BatchTargets, headBackward, type Teacher } from './head.ts';
import { KeptLayers, stepPlan } from './kept_layers.ts';
import { layerBackward, layerForward, layerOutput } from './layer.ts';

export interface GradientOptions {
  /** Its distribution is the target, in place of the next tokens. */
  teacher?: Teacher;
  /** What each batch is to predict; by default every token but the first of a window, with equal weights. */
  targets?: readonly BatchTargets[];
  /** Absent: all inputs stay on the device. */
  spill?: SpillOptions;
  signal?: AbortSignal;
  /** The gradients of a layer have all of one more batch in them: the last layer's first, each layer's batches in order. */
  onLayer?(layer: DecoderLayer, batch: number): Promise<void>;
  /** Share of the work done. */
  onProgress?(fraction: number): void;
}

/**
 * Adds the gradients of the mean loss over some windows.
 * @returns The loss, in nats a token.
 * @throws `cancelled`, and what the backend throws. Gradients are then incomplete.
 */
export async function modelGradients(
  context: BackwardContext,
  loader: WeightLoader,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  options: GradientOptions = {},
): Promise<number> {
  const targets = options.targets ?? meanTargets(windows, batches);
  const rows = batches.map(({ count }) => count * windows.seqlen);
  // Whoever is told of a layer's gradients gets those of all batches before the next layer's.
  const plan = stepPlan(model.layers, rows, options.onLayer !== undefined, context.budgets?.layerBytes);
  let [loss, first] = [0, 0];
  for (const count of plan.groups) {
    const some = <T>(all: readonly T[]) => all.slice(first, first + count);
    const { teacher } = options;
    loss += await groupGradients(context, loader, model, windows, some(batches), plan.keptFrom, {
      ...options,
      targets: some(targets),
      ...(teacher && { teacher: { ...teacher, inputs: some(teacher.inputs) } }),
      onProgress: (fraction) => options.onProgress?.((first + fraction * count) / batches.length),
    });
    first += count;
  }
  return loss;
}

/** Of batches that go up and down together. */
async function groupGradients(
  context: BackwardContext,
  loader: WeightLoader,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  keptFrom: number,
  options: GradientOptions & { targets: readonly BatchTargets[] },
): Promise<number> {
  const { arena } = context;
  const inputs = new BatchStates(arena, options.spill);
  const states = new BatchStates(arena);
  const kept = new KeptLayers(arena);
  try {
    const pass = new Pass(context, loader, model, windows, batches, { inputs, states, kept, keptFrom }, options);
    const hidden = await pass.forward();
    arena.freeWorkspace();
    const { targets, teacher, signal } = options;
    const head = await headBackward(context, loader, model, hidden, targets, teacher, signal);
    arena.free(...hidden);
    arena.freeWorkspace();
    for (const [i, gradient] of head.gradients.entries()) await states.put(i, gradient);
    await pass.backward();
    return head.loss;
  } finally {
    // The next step goes forward first, in other tensors.
    arena.freeWorkspace();
    kept.clear();
    await inputs.clear();
    await states.clear();
  }
}

/** Every token but the first of each window is predicted, and counts alike. */
export function meanTargets(windows: TokenWindows, batches: readonly WindowBatch[]): BatchTargets[] {
  const { seqlen } = windows;
  const predictions = batches.reduce((sum, { count }) => sum + count * (seqlen - 1), 0);
  return batches.map((batch) => ({
    targets: nextTokens(windows, batch),
    weights: Float64Array.from({ length: batch.count * seqlen }, (_, row) =>
      (row + 1) % seqlen === 0 ? 0 : 1 / predictions,
    ),
  }));
}

interface PassStates {
  /** Of layer l and batch i at l · batches + i. */
  readonly inputs: BatchStates;
  /** Of the batches while they go through. */
  readonly states: BatchStates;
  readonly kept: KeptLayers;
  readonly keptFrom: number;
}

class Pass {
  private done = 0;

  constructor(
    private readonly context: BackwardContext,
    private readonly loader: WeightLoader,
    private readonly model: DecoderModel,
    private readonly windows: TokenWindows,
    private readonly batches: readonly WindowBatch[],
    private readonly held: PassStates,
    private readonly options: GradientOptions,
  ) {}

  private get ids(): Uint32Array[] {
    return this.batches.map((batch) => batchIds(this.windows, batch));
  }

  /** @returns Each batch's hidden states behind the last layer. */
  async forward(): Promise<Tensor[]> {
    const { context, loader, model, windows, batches } = this;
    const { states, inputs, kept, keptFrom } = this.held;
    const { arena } = context;
    const { seqlen } = windows;
    await embedTokens(arena, loader, model.embed_tokens, this.ids, seqlen, (x, i) => states.put(i, x));
    for (const [l, layer] of model.layers.entries()) {
      const weights = await loader.layer(layer);
      this.prefetch(l + 1);
      const table = this.context.rotations.of(layer.attention.rotary);
      for (const i of batches.keys()) {
        const x = await states.take(i);
        const at = l * batches.length + i;
        if (l >= keptFrom) {
          const made = layerForward(context, layer, weights, table, seqlen, x);
          await states.put(i, layerOutput(context, weights, made, seqlen, x));
          kept.put(layer, i, made);
          await inputs.put(at, x);
        } else {
          await inputs.put(at, copyOf(arena, x));
          await states.put(i, runLayer(arena, layer, weights, table, seqlen, x));
        }
        await this.breathe(1);
      }
      await arena.backend.sync();
      freeDeviceLayer(arena, weights);
    }
    const hidden: Tensor[] = [];
    for (const i of batches.keys()) hidden.push(await states.take(i));
    return hidden;
  }

  async backward(): Promise<void> {
    const { context, loader, model, windows, batches } = this;
    const { states, inputs, kept } = this.held;
    const { arena } = context;
    const { seqlen } = windows;
    for (let l = model.layers.length - 1; l >= 0; l--) {
      const layer = model.layers[l];
      const weights = await loader.layer(layer);
      this.prefetch(l - 1);
      const table = context.rotations.of(layer.attention.rotary);
      for (const i of batches.keys()) {
        const x = await inputs.take(l * batches.length + i);
        const dy = await states.take(i);
        const found = kept.take(context, layer, weights, i, x);
        const dx = layerBackward(context, layer, weights, table, seqlen, x, dy, found?.kept);
        found?.free();
        arena.free(x);
        await states.put(i, dx);
        await this.options.onLayer?.(layer, i);
        await this.breathe(3);
      }
      await arena.backend.sync();
      freeDeviceLayer(arena, weights);
    }
    const trains = trainsEmbedding(context, model.embed_tokens);
    for (const [i, ids] of this.ids.entries()) {
      const d = await states.take(i);
      if (trains) await embeddingBackward(context, loader, model.embed_tokens, ids, seqlen, d);
      arena.free(d);
    }
    await arena.backend.sync();
  }

  private prefetch(l: number): void {
    const layer = this.model.layers[l];
    if (layer) this.loader.prefetch([...attentionWeights(layer), ...mlpWeights(layer)]);
  }

  /** After a batch and layer: a slow device finishes it first, so that cancelling within a step is quick. */
  private async breathe(work: number): Promise<void> {
    const { options, batches, model } = this;
    this.done += work;
    if (isSlow(this.context.arena.backend.info)) await this.context.arena.backend.sync();
    throwIfCancelled(options.signal);
    options.onProgress?.(this.done / (4 * batches.length * model.layers.length));
  }
}

function copyOf(arena: Arena, x: Tensor): Tensor {
  const copy = arena.empty(x.shape, x.label);
  arena.backend.copy(x, copy);
  return copy;
}
