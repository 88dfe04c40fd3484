/** @file Loading a model while it is trained: linears as training has them, other weights that are trained whole as they are now. */
import type { Tensor } from '../../backend/backend.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { DecoderLayer, Linear, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { type DeviceAttention, type DeviceLinear, WeightLoader } from '../weights.ts';
import type { Gradients } from './gradients.ts';
import { loadTrained, readsStored, type TrainedLinears } from './trained.ts';

/** Weights that are trained as they are, by what is stored: norms, biases, shortcuts. They change in place. */
export type WholeWeights = ReadonlyMap<WeightRef, Tensor>;

/** (in) of some linears: what each input counts, as training has them. Zeros are inputs that are gone. */
export type ColumnScales = ReadonlyMap<WeightRef, Tensor>;

/** Nothing stays packed: all are floats. With `cacheLevels`, keys and values are rounded as {@link DeviceAttention} says. */
export class TrainedLoader extends WeightLoader {
  constructor(
    private readonly own: Arena,
    private readonly linears: TrainedLinears,
    private readonly whole: WholeWeights = new Map(),
    private readonly cacheLevels?: number,
    private readonly columns: ColumnScales = new Map(),
  ) {
    super(own);
  }

  override prefetch(refs: readonly (WeightRef | undefined)[]): void {
    const isRead = (ref: WeightRef) => {
      const trained = this.linears.get(ref);
      return !this.whole.has(ref) && (!trained || readsStored(trained));
    };
    super.prefetch(refs.filter((ref) => !ref || isRead(ref)));
  }

  /** A copy, for whoever frees it. */
  override async load(ref: WeightRef, rows?: RowRange): Promise<Tensor> {
    const trained = rows ? undefined : this.whole.get(ref);
    if (!trained) return super.load(ref, rows);
    const copy = this.own.empty(trained.shape, trained.label);
    this.own.backend.copy(trained, copy);
    return copy;
  }

  override async attention(layer: DecoderLayer): Promise<DeviceAttention> {
    const loaded = await super.attention(layer);
    return this.cacheLevels === undefined ? loaded : { ...loaded, cache_levels: this.cacheLevels };
  }

  override async linear(linear: Linear): Promise<DeviceLinear> {
    const loaded = await this.trainedLinear(linear);
    const scale = this.columns.get(linear.weight);
    if (!scale) return loaded;
    const { weight } = loaded;
    const output = this.own.empty(weight.shape, weight.label);
    this.own.backend.scale_columns({ weight, scale, output });
    this.own.free(weight);
    return { ...loaded, weight: output };
  }

  private async trainedLinear(linear: Linear): Promise<DeviceLinear> {
    const trained = this.linears.get(linear.weight);
    if (!trained) return super.linear(linear);
    return loadTrained(this.own, trained, linear, {
      linear: () => super.linear(linear),
      bias: (ref) => this.load(ref),
    });
  }
}

/** No linear is. */
export const NO_ADAPTERS: TrainedLinears = new Map();

/** No weight is trained whole. */
export const noWeight: ConstructorParameters<typeof Gradients>[1] = () => false;
