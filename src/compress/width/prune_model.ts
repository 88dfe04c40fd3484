/**
 * @file The work of `width`. It runs as a method of linears that changes o_proj and down_proj: these get zeros in the columns
 * of what goes, so that the text goes on through a layer of the same shapes as if the units were gone. What is kept is stored
 * beside it, with the rows of q, k, v, gate and up that make it.
 */
import type { DecoderLayer, DecoderModel, Linear, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { packedWeightBytes } from '../../models/model_size.ts';
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import type { TapStatistics } from '../../statistics/statistics.ts';
import { decodeStored } from '../../tensor/decode.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import {
  type HalfName,
  halfOf,
  inputLinears,
  layerLinears,
  linearOf,
  linearPath,
  outputLinear,
  withLinear,
} from '../layerwise/half.ts';
import { storeChanged } from '../layerwise/store_changed.ts';
import { layerwise } from '../layerwise.ts';
import type { ChangeContext, LinearInput, LinearMethod, LinearName, LinearUse } from '../layerwise_types.ts';
import type { CompressedModel, PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { keptWeights } from '../solvers/kept_inputs.ts';
import { columnScores, lowestUnits, obsGone, type Units } from '../solvers/unit_scores.ts';
import { type Budgets, isSquared, unitMeans } from './budget.ts';
import { goneUnits, prunedAttention, prunedMlp, withLayers } from './shapes.ts';
import { inputSums, type Options, statisticsOf, unitsOf } from './units.ts';

/** A half as it is kept. */
interface PrunedHalf {
  readonly linears: ReadonlyMap<LinearName, Linear>;
  /** Units, rising. */
  readonly kept: readonly number[];
}

/**
 * @param budgets Units that go in each layer; absent: the same share of each.
 * @param scores What each unit is worth, where that is known before; absent: as the options' score tells on the way.
 */
export async function pruneModel(
  model: DecoderModel,
  options: Options,
  halves: readonly HalfName[],
  budgets: Budgets | undefined,
  context: PassContext,
  scores?: ReadonlyMap<HalfName, readonly Float64Array[]>,
): Promise<CompressedModel> {
  const work = new WidthWork(model, options, halves, budgets, context, scores);
  // What is kept of each layer is gathered beside the pass: one that went on behind finished layers would lack theirs.
  const passing = { ...context, scratch: passingStore(), checkpoints: undefined };
  const { units = [] } = await layerwise(work.method(), model, options, passing);
  const layers = model.layers.map((layer) => work.layer(layer));
  const bytes = new Map(
    layers.flatMap((layer) =>
      (['o_proj', 'down_proj'] as const).map((name) => [linearPath(layer.index, name), linearOf(layer, name).weight]),
    ),
  );
  const reports = units
    .filter(({ unit }) => unit.endsWith('o_proj') || unit.endsWith('down_proj'))
    .map((unit) => ({ ...unit, bytes: packedWeightBytes(bytes.get(unit.unit) as WeightRef) }));
  return { model: withLayers(model, layers), sites: [], units: reports };
}

class WidthWork {
  private readonly done = new Map<string, PrunedHalf>();
  /** What `correct` made of the half's input linears, until it is known which of their rows stay. */
  private readonly moved = new Map<LinearName, Float64Array>();
  private readonly dtype: FloatType;
  private readonly isCorrected: boolean;

  constructor(
    private readonly model: DecoderModel,
    private readonly options: Options,
    private readonly halves: readonly HalfName[],
    private readonly budgets: Budgets | undefined,
    private readonly context: PassContext,
    private readonly scores: ReadonlyMap<HalfName, readonly Float64Array[]> | undefined,
  ) {
    this.dtype = storedType(model);
    this.isCorrected = context.before.length > 0;
  }

  method(): LinearMethod<Options> {
    return {
      statistics: statisticsOf,
      // With `correct` every linear moves, also those of a half that keeps its shapes.
      touches: (name) => this.isCorrected || this.halves.some((half) => name === outputLinear(half)),
      change: async (linear, statistics, _options, context) => {
        const { name } = linear.use;
        if (name !== outputLinear(halfOf(name))) {
          this.moved.set(name, linear.W);
          return { values: linear.W };
        }
        return this.output(linear, statistics, context);
      },
    };
  }

  /** The layer with its halves as they are kept. */
  layer(layer: DecoderLayer): DecoderLayer {
    let { attention, mlp } = withNames(layer);
    const [first, second] = (['attention', 'mlp'] as const).map((half) => this.done.get(`${layer.index} ${half}`));
    const record = ({ linears }: PrunedHalf) => Object.fromEntries(linears) as never;
    if (first) attention = prunedAttention(attention, record(first), first.kept);
    if (second) mlp = prunedMlp(mlp, record(second));
    return { ...layer, attention, mlp };
  }

  /** o_proj or down_proj, with zeros where its inputs go. */
  private async output(linear: LinearInput, statistics: TapStatistics, context: ChangeContext) {
    const { W, rows, columns, use } = linear;
    const half = halfOf(use.name);
    const units = unitsOf(linear);
    const count = columns / units.width;
    const gone = this.halves.includes(half)
      ? (this.budgets?.get(half)?.[use.layer] ?? goneUnits(this.options.keep, count))
      : 0;
    if (gone === 0 && !this.isCorrected) return undefined;
    const kept = await this.keptUnits(linear, units, statistics, gone, context);
    const inputs = Uint32Array.from(kept.flatMap((unit) => consecutive(unit * units.width, units.width)));
    const { tokens, gram, sums } = statistics;
    const means = this.options.bias && gone > 0 ? (sums as Float64Array).map((sum) => sum / tokens) : undefined;
    const known = { gram: this.options.compensate && gone > 0 ? gram : undefined, means, tokens };
    const { V, bias } = await keptWeights(W, rows, columns, inputs, known, context.linalg);
    const total = means && (await this.withOwnBias(use, bias));
    await this.store(use.layer, half, kept, units, V, total);
    const values = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      for (const [j, input] of inputs.entries()) values[row * columns + input] = V[row * inputs.length + j];
    }
    return { values, ...(total && { bias: total }) };
  }

  private async withOwnBias({ layer, name }: LinearUse, bias: Float64Array): Promise<Float64Array> {
    const { bias: own } = linearOf(this.model.layers[layer], name);
    if (!own) return bias;
    const values = decodeStored(await own.read(), own.dtype);
    return bias.map((value, i) => value + values[i]);
  }

  private async keptUnits(
    linear: LinearInput,
    units: Units,
    statistics: TapStatistics,
    count: number,
    { linalg, breathe }: ChangeContext,
  ): Promise<number[]> {
    const { score } = this.options;
    const { gram } = statistics;
    const { use } = linear;
    const known = this.scores?.get(halfOf(use.name))?.[use.layer];
    const gone = new Set(
      known
        ? lowestUnits(known, count)
        : score === 'obs'
          ? await obsGone(units, gram as Float64Array, count, linalg, breathe)
          : lowestUnits(unitMeans(columnScores(score, units, inputSums(statistics), isSquared(linear)), units), count),
    );
    return consecutive(0, units.columns / units.width).filter((unit) => !gone.has(unit));
  }

  private async store(
    index: number,
    half: HalfName,
    kept: readonly number[],
    { rows, width }: Units,
    V: Float64Array,
    bias: Float64Array | undefined,
  ): Promise<void> {
    const layer = this.model.layers[index];
    const linears = new Map<LinearName, Linear>();
    const output = outputLinear(half);
    const before = linearOf(layer, output);
    const path = linearPath(index, output);
    const weight = await this.put(`${path}.weight`, [rows, kept.length * width], V);
    const made = bias
      ? await this.put(`${path}.bias`, [rows], bias)
      : before.bias && named(before.bias, `${path}.bias`);
    linears.set(output, { weight, ...(made && { bias: made }) });
    const { num_attention_heads, num_key_value_heads, head_dim } = layer.attention;
    for (const name of inputLinears(layer, half)) {
      const of =
        half === 'mlp' ? 1 : name === 'q_proj' ? (num_attention_heads / num_key_value_heads) * head_dim : head_dim;
      linears.set(name, await this.someRows(layer, name, kept, of));
    }
    this.moved.clear();
    this.done.set(`${index} ${half}`, { linears, kept });
  }

  /** An input linear with the rows of the kept units, `of` rows each. */
  private async someRows(layer: DecoderLayer, name: LinearName, kept: readonly number[], of: number): Promise<Linear> {
    const { weight, bias } = linearOf(layer, name);
    const path = linearPath(layer.index, name);
    const columns = weight.shape[1];
    const pick = (values: ArrayLike<number>, width: number) => {
      const picked = new Float64Array(kept.length * of * width);
      for (const [i, unit] of kept.entries()) {
        for (let j = 0; j < of * width; j++) picked[i * of * width + j] = values[unit * of * width + j];
      }
      return picked;
    };
    const all = this.moved.get(name) ?? decodeStored(await weight.read(), weight.dtype);
    const made = await this.put(`${path}.weight`, [kept.length * of, columns], pick(all, columns));
    if (!bias) return { weight: made };
    const some = pick(decodeStored(await bias.read(), bias.dtype), 1);
    return { weight: made, bias: await this.put(`${path}.bias`, [some.length], some) };
  }

  private put(name: string, shape: readonly number[], values: Float64Array): Promise<WeightRef> {
    return storeChanged(this.context.scratch, name, shape, { values }, this.dtype);
  }
}

/** All linears under canonical names, as a plan has them. */
export function withNames<W extends WeightOutline>(layer: DecoderLayer<W>): DecoderLayer<W> {
  let made = layer;
  for (const name of layerLinears(layer)) {
    const { weight, bias } = linearOf(layer, name);
    const path = linearPath(layer.index, name);
    const linear = { weight: named(weight, `${path}.weight`), ...(bias && { bias: named(bias, `${path}.bias`) }) };
    made = withLinear(made, name, linear);
  }
  return made;
}

function named<W extends WeightOutline>(weight: W, name: string): W {
  return weight.name === name ? weight : { ...weight, name };
}

function consecutive(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

/** Weights that are stored before the first of them is loaded: q, k and v. */
const MOST_TOGETHER = 3;

/** For weights that are loaded once, right after they are stored; older ones are dropped. */
function passingStore(): ScratchStore {
  const held: { bytes?: Uint8Array }[] = [];
  return {
    async append(given): Promise<ScratchSlot> {
      const own: { bytes?: Uint8Array } = { bytes: given };
      held.push(own);
      if (held.length > MOST_TOGETHER) delete held.shift()?.bytes;
      return {
        bytes: given.byteLength,
        read: async (offset, length) => (own.bytes ?? new Uint8Array(0)).slice(offset, offset + length),
        write: async (bytes) => own.bytes?.set(bytes),
      };
    },
    async clear() {
      for (const each of held.splice(0)) delete each.bytes;
    },
  };
}
