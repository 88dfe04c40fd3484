/**
 * @file What products and attention gave on the way up, kept for the way down: those layers need not run again. As much as a budget
 * holds is kept; norms and activations, which are cheap, are made again. Work is then two thirds of what it is with nothing kept.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer, WeightOutline } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { KEPT_LAYER_BYTES } from '../budgets.ts';
import { layerWidths } from '../estimate_outline.ts';
import type { DeviceLayer } from '../weights.ts';
import { type KeptProjection, normedInput } from './attention.ts';
import type { BackwardContext } from './context.ts';
import type { KeptLayer } from './layer.ts';
import { activated } from './mlp.ts';

type Layer = DecoderLayer<WeightOutline>;

/** A {@link KeptLayer} without what is made again; its tensors are owned like any others. */
interface StoredLayer {
  readonly query: KeptProjection;
  readonly key: KeptProjection;
  readonly value: KeptProjection;
  readonly mixed: Tensor;
  readonly gate?: Tensor;
  readonly up: Tensor;
  readonly middle?: Tensor;
}

/** Numbers that are kept of a layer for each token. */
export function keptWidth(layer: Layer): number {
  const { query, key, middle, inner } = layerWidths(layer);
  const { q_norm, k_norm, v_proj, clip_qkv } = layer.attention;
  const times = (isTwice: unknown) => (isTwice || clip_qkv !== undefined ? 2 : 1);
  const attention = times(q_norm) * query + times(k_norm) * key + times(false) * v_proj.weight.shape[0] + query;
  return attention + (layer.parallel ? 0 : middle) + (layer.mlp.gate_proj ? 2 : 1) * inner;
}

/** How a step goes through a model. */
export interface StepPlan {
  /** Numbers of consecutive batches that go up and down together. */
  readonly groups: readonly number[];
  /** Layers from this one on are kept. */
  readonly keptFrom: number;
}

/**
 * Batches go in groups whose layers are kept whole; where not even one's are, one by one as long as half of a batch's layers are kept, else
 * all together: weights are then read once for all, and the last layers alone are kept. What does not fit runs again on the way down.
 * Which are kept does not depend on the machine, so that results do not either.
 * @param rows Of each batch.
 * @param together Batches are not to be parted.
 * @param budget Bytes.
 */
export function stepPlan(
  layers: readonly Layer[],
  rows: readonly number[],
  together = false,
  budget = KEPT_LAYER_BYTES,
): StepPlan {
  const width = layers.reduce((sum, layer) => sum + keptWidth(layer), 0);
  const most = Math.floor(budget / (4 * width));
  const [total, largest] = [rows.reduce((sum, each) => sum + each, 0), Math.max(...rows)];
  if (total <= most || (!together && largest <= most)) {
    const groups: number[] = [];
    let left = 0;
    for (const each of rows) {
      if (left < each) {
        groups.push(0);
        left = most;
      }
      groups[groups.length - 1]++;
      left -= each;
    }
    return { groups, keptFrom: 0 };
  }
  const alone = keptLayersFrom(layers, largest, budget);
  if (!together && alone <= layers.length / 2) return { groups: rows.map(() => 1), keptFrom: alone };
  return { groups: [rows.length], keptFrom: keptLayersFrom(layers, total, budget) };
}

/** The first of the last layers that a budget keeps for so many rows. */
function keptLayersFrom(layers: readonly Layer[], rows: number, budget: number): number {
  let [from, bytes] = [layers.length, 0];
  while (from > 0) {
    bytes += 4 * rows * keptWidth(layers[from - 1]);
    if (bytes > budget) break;
    from--;
  }
  return from;
}

/** Of layers and batches on their way up, until each is taken on the way down. */
export class KeptLayers {
  private readonly stored = new Map<string, StoredLayer>();

  constructor(private readonly arena: Arena) {}

  put(layer: DecoderLayer, batch: number, { attention, mlp, middle }: KeptLayer): void {
    const { query, key, value, mixed } = attention;
    const { gate, up } = mlp;
    const stored = { query, key, value, mixed, gate, up, middle };
    this.arena.keep(...tensorsOf(stored));
    this.stored.set(keyOf(layer, batch), stored);
  }

  /** What {@link put} got, its input and activation made again. Undefined where nothing was. @param x The layer's input. */
  take(
    { arena }: BackwardContext,
    layer: DecoderLayer,
    weights: DeviceLayer,
    batch: number,
    x: Tensor,
  ): { kept: KeptLayer; free(): void } | undefined {
    const key = keyOf(layer, batch);
    const stored = this.stored.get(key);
    if (!stored) return undefined;
    this.stored.delete(key);
    const { query, key: keys, value, mixed, gate, up, middle } = stored;
    const { attention, mlp } = weights;
    const input = normedInput(arena, attention.input_layernorm, x, 'kept_attention_input');
    const mlpInput = normedInput(arena, mlp.post_attention_layernorm, middle ?? x, 'kept_mlp_input');
    return {
      kept: {
        attention: { input, query, key: keys, value, mixed },
        mlp: { input: mlpInput, gate, up, activated: activated(arena, layer, mlp, gate, up) },
        middle,
      },
      free: () => this.arena.free(...tensorsOf(stored)),
    };
  }

  clear(): void {
    for (const stored of this.stored.values()) this.arena.free(...tensorsOf(stored));
    this.stored.clear();
  }
}

function tensorsOf({ query, key, value, mixed, gate, up, middle }: StoredLayer): Tensor[] {
  const all = [query, key, value].flatMap(({ projected, states }) => [projected, states]);
  return [...all, mixed, gate, up, middle].filter((tensor) => tensor !== undefined);
}

const keyOf = ({ index }: DecoderLayer, batch: number) => `${index} ${batch}`;
