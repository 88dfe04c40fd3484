/**
 * @file A method that works a linear at a time: what it gets and what it gives. `layerwise.ts` drives it: it owns batches,
 * states, statistics, order, storing, progress and the error of each linear; the method is one function.
 *
 * Order within a layer: q, k, v → o → gate, up → down, layer after layer. The inputs of each come from everything that was
 * changed before it, its own block included.
 */
import type { LinalgOptions } from '../backend/linalg/cholesky.ts';
import type { WeightOutline, WeightRef } from '../models/decoder_model.ts';
import type { InputQuantization } from '../models/input_quantization.ts';
import type { Floats } from '../models/packed/packing.ts';
import type { PackedValues } from '../models/packed/values.ts';
import type { Statistic, TapStatistics } from '../statistics/statistics.ts';
import type { ScalePlace } from './layerwise/scale_place.ts';

export type LinearName = 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj';

/** Which linear this is. */
export interface LinearUse {
  readonly layer: number;
  readonly name: LinearName;
  /** "model.layers.3.mlp.down_proj". */
  readonly path: string;
  /** Linears that read the same input, this one included, in order. */
  readonly siblings: readonly LinearName[];
  /** Of the layer: where heads share keys (heads > kv_heads), v has fewer rows than o has columns. */
  readonly heads: number;
  readonly kv_heads: number;
  readonly head_dim: number;
  /** A norm with a weight stands right before it and is read by its siblings alone. */
  readonly after_norm: boolean;
  /** act(gate) ⊙ up, or act(up). */
  readonly gated: boolean;
  readonly activation: string;
  /** Where a scale of its inputs can be folded in; absent where there is no place. */
  readonly scale_place?: ScalePlace;
  /** What the model's floats are stored in, also those of packings. */
  readonly floats: Floats;
}

/** A linear on the host, f64. */
export interface LinearInput {
  /** (rows, columns) = (out, in), row-major; a copy that belongs to the method. After `correct`, the corrected weights. */
  readonly W: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly use: LinearUse;
  /** How it is stored now: methods that keep a quantised source's own grid look at its type. */
  readonly source: WeightOutline;
  /** Its bytes, where it is stored in blocks. */
  readonly blocks?: Uint8Array;
  /** What it is held as, where it is packed in another way. */
  readonly unpack?: WeightRef['unpack'];
}

/**
 * The new weight: packed, or dense numbers (rows, columns) that are stored in the model's own float type. Undefined: the
 * weight stays as it is. `bias` (rows) takes the place of the linear's own.
 */
export type Changed = PackedValues | { readonly values: Float64Array; readonly bias?: Float64Array } | undefined;

/** What becomes of linears that read one input. */
export interface ChangedTogether {
  /** In the order of the linears. */
  readonly linears: readonly Changed[];
  /**
   * (columns), positive: the changed linears expect inputs divided by this, and what makes the inputs is divided by it
   * (`layerwise/fold_scale.ts`). Only where the linears have a `scale_place`, and a norm is that place where they round inputs.
   */
  readonly divideInputs?: Float64Array;
}

export interface ChangeContext {
  readonly signal: AbortSignal;
  /** Cancel and threads, for solvers. */
  readonly linalg: LinalgOptions;
  /** Waits for the event loop where the work took long, and throws `cancelled`: to be awaited between blocks of columns. */
  breathe(): Promise<void>;
}

/** What a pass with the text needs of the inputs of linears: its memory follows from it. */
export interface LinearReads {
  readonly statistics: readonly Statistic[];
  /** Whether a linear is changed; absent: all of them. Inputs that only others read are not summed. */
  touches?(name: LinearName): boolean;
}

/**
 * One function of one linear. `statistics` are those that were asked for; empty where none were.
 * Gets the linears one after another, or all siblings at once through `changeTogether` (AWQ's scale is common to them), which
 * needs statistics: without them a layer's linears are handed over at once, whatever they read.
 */
export interface LinearMethod<Options> {
  /** What is needed of the inputs; none: the calibration text is not run at all. */
  statistics(options: Options): readonly Statistic[];
  /** Whether it changes this linear; absent: all of them. Inputs that only others read are not summed. */
  touches?(name: LinearName): boolean;
  /** How changed linears round what they read from now on; asked once for all that read the same, with their statistics. */
  input?(statistics: TapStatistics, options: Options): InputQuantization | undefined;
  change?(
    linear: LinearInput,
    statistics: TapStatistics,
    options: Options,
    context: ChangeContext,
  ): Changed | Promise<Changed>;
  changeTogether?(
    linears: readonly LinearInput[],
    statistics: TapStatistics,
    options: Options,
    context: ChangeContext,
  ): ChangedTogether | Promise<ChangedTogether>;
}

/** What a method of linears reads, for its row of the registry. */
export function readsOf<Options>(method: LinearMethod<Options>): (options: Options) => LinearReads {
  const { touches } = method;
  return (options) => ({ statistics: method.statistics(options), ...(touches && { touches }) });
}
