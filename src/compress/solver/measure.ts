/**
 * @file What each alternative does to the model's predictions, measured: KL divergence from the dense model on held-back
 * windows, with that one matrix changed. Layers before it give what they always give, so their states are kept and only the
 * layers from it on run again.
 */
import type { Backend, Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { compareHeads } from '../../runtime/compare_heads.ts';
import { tokenDivergence } from '../../runtime/divergence.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { headInputs } from '../../runtime/head.ts';
import { runLayersFrom } from '../../runtime/model_pass.ts';
import { nextTokens } from '../../runtime/perplexity.ts';
import { BatchStates, type SpillOptions } from '../../runtime/spill.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch, type TokenWindows, type WindowBatch } from '../../runtime/windows.ts';

/** The dense model's states on some windows, before each layer and before the head; above a budget they wait in storage. */
export class DenseStates {
  private constructor(
    private readonly backend: Backend,
    private readonly model: DecoderModel,
    private readonly windows: TokenWindows,
    private readonly batches: readonly WindowBatch[],
    /** [layer][batch], and behind the last layer. */
    private readonly states: readonly (readonly HostStates[])[],
    private readonly keeper: HostKeeper,
  ) {}

  static async of(
    backend: Backend,
    model: DecoderModel,
    windows: TokenWindows,
    signal?: AbortSignal,
    spill?: SpillOptions,
  ): Promise<DenseStates> {
    const keeper = new HostKeeper(spill);
    try {
      return new DenseStates(
        backend,
        model,
        windows,
        ...(await keptStates(backend, model, windows, keeper, signal)),
        keeper,
      );
    } catch (error) {
      await keeper.clear();
      throw error;
    }
  }

  /** Removes what waits in storage. */
  clear(): Promise<void> {
    return this.keeper.clear();
  }

  /** KL(dense ‖ changed), nats a token, with one layer replaced by another. */
  async ofLayer(layer: DecoderLayer, signal?: AbortSignal): Promise<number> {
    const rest = this.model.layers.slice(layer.index + 1);
    return this.run(this.model, [layer, ...rest], layer.index, signal);
  }

  /** Of a model all of whose matrices may differ from the dense one's. */
  async ofModel(model: DecoderModel, signal?: AbortSignal): Promise<number> {
    return this.run(model, model.layers, undefined, signal);
  }

  private run(
    model: DecoderModel,
    layers: readonly DecoderLayer[],
    from: number | undefined,
    signal?: AbortSignal,
  ): Promise<number> {
    const { backend, windows, batches } = this;
    return withArena(backend, async (arena) => {
      throwIfCancelled(signal);
      const loader = new WeightLoader(arena, false, true);
      const states = new BatchStates(arena);
      if (from === undefined) {
        const ids = batches.map((batch) => batchIds(windows, batch));
        await embedTokens(arena, loader, model.embed_tokens, ids, windows.seqlen, (x, i) => states.put(i, x));
      } else {
        for (const [i, kept] of this.states[from].entries()) await states.put(i, await onDevice(arena, kept));
      }
      await runLayersFrom(arena, loader, layers, windows.seqlen, batches.length, states, {}, signal);
      let sum = 0;
      let count = 0;
      for (const [i, batch] of batches.entries()) {
        const found = await this.divergence(arena, loader, model, await states.take(i), i, batch, signal);
        sum += found.sum;
        count += found.count;
      }
      return sum / count;
    });
  }

  private async divergence(
    arena: Arena,
    loader: WeightLoader,
    model: DecoderModel,
    hidden: Tensor,
    index: number,
    batch: WindowBatch,
    signal?: AbortSignal,
  ): Promise<{ sum: number; count: number }> {
    const last = this.states[this.states.length - 1][index];
    const [own] = await headInputs(arena, loader, model, [hidden]);
    const [other] = await headInputs(arena, loader, this.model, [await onDevice(arena, last)]);
    const heads = { dense: this.model.lm_head, own: model.lm_head };
    const pair = { dense: other, own, targets: nextTokens(this.windows, batch) };
    const [states] = (await compareHeads(arena, loader, heads, [pair], { signal })).states;
    const rows = own.shape[0];
    arena.free(own, other);
    let [sum, count] = [0, 0];
    for (let row = 0; row < rows; row++) {
      if ((row + 1) % this.windows.seqlen === 0) continue;
      sum += tokenDivergence(states, row).kl;
      count++;
    }
    return { sum, count };
  }
}

/** The dense model's states on the host, and the batches that they are of. */
async function keptStates(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  keeper: HostKeeper,
  signal?: AbortSignal,
): Promise<[readonly WindowBatch[], HostStates[][]]> {
  const batches = batchesOf(windows, 0, windows.count, rowsPerBatch(backend.info));
  const kept: HostStates[][] = [];
  await withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, true);
    const states = new BatchStates(arena);
    const ids = batches.map((batch) => batchIds(windows, batch));
    await embedTokens(arena, loader, model.embed_tokens, ids, windows.seqlen, (x, i) => states.put(i, x));
    kept.push(await keeper.copies(backend, states, batches.length));
    for (const layer of model.layers) {
      await runLayersFrom(arena, loader, [layer], windows.seqlen, batches.length, states, {}, signal);
      kept.push(await keeper.copies(backend, states, batches.length));
    }
  });
  return [batches, kept];
}

interface HostStates {
  readonly shape: readonly number[];
  values(): Promise<Float32Array | Float64Array>;
}

/** Keeps copies of states on the host up to a budget; the others wait in a scratch store, with the same bits. */
class HostKeeper {
  private left: number;
  private scratch?: ScratchStore;

  constructor(private readonly spill?: SpillOptions) {
    this.left = spill?.budgetBytes ?? Number.POSITIVE_INFINITY;
  }

  async copies(backend: Backend, states: BatchStates, count: number): Promise<HostStates[]> {
    const kept: HostStates[] = [];
    for (let i = 0; i < count; i++) {
      const x = await states.take(i);
      kept.push(await this.keep(await backend.read(x), x.shape));
      await states.put(i, x);
    }
    return kept;
  }

  async clear(): Promise<void> {
    await this.scratch?.clear();
    this.scratch = undefined;
  }

  private async keep(read: Float32Array | Float64Array, shape: readonly number[]): Promise<HostStates> {
    if (!this.spill || read.byteLength <= this.left) {
      this.left -= read.byteLength;
      const values = read.slice();
      return { shape, values: async () => values };
    }
    this.scratch ??= await this.spill.createScratch();
    const slot = await this.scratch.append(new Uint8Array(read.buffer, read.byteOffset, read.byteLength).slice());
    const isDouble = read instanceof Float64Array;
    return {
      shape,
      async values() {
        // A copy, because a view of the store may begin anywhere.
        const { buffer } = (await slot.read(0, slot.bytes)).slice();
        return isDouble ? new Float64Array(buffer) : new Float32Array(buffer);
      },
    };
  }
}

async function onDevice(arena: Arena, { values, shape }: HostStates): Promise<Tensor> {
  return arena.own(arena.backend.fromArray(await values(), shape, 'hidden_states'));
}
