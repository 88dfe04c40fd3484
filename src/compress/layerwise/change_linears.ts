/** @file Asks a method for linears that read the same input, stores what it gives, and measures what was lost. */
import { breather, throwIfCancelled } from '../../backend/event_loop.ts';
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderLayer, WeightRef } from '../../models/decoder_model.ts';
import { type InputQuantization, inputBytes } from '../../models/input_quantization.ts';
import { packedWeightBytes } from '../../models/model_size.ts';
import type { TapStatistics } from '../../statistics/statistics.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { type FloatType, isFloatType } from '../../tensor/dtype.ts';
import type {
  ChangeContext,
  Changed,
  ChangedTogether,
  LinearInput,
  LinearMethod,
  LinearName,
} from '../layerwise_types.ts';
import type { CompressionContext, UnitReport } from '../method.ts';
import type { Fold } from './fold_scale.ts';
import { linearOf, linearUse } from './half.ts';
import { storeChanged } from './store_changed.ts';
import { measuredRows, unitError } from './unit_error.ts';

/** Cancel, and the backend's threads where it offers them. */
export function linalgOptions({ signal, backend }: CompressionContext): LinalgOptions {
  const { addProduct } = backend;
  return { signal, ...(addProduct && { multiply: addProduct.bind(backend) }) };
}

export interface ChangedLinear {
  readonly name: LinearName;
  readonly weight: WeightRef;
  readonly unit: UnitReport;
  /** Where the method gave one. */
  readonly bias?: WeightRef;
  /** (rows, columns): what the linear does to inputs that are not divided yet; only where they shall be. */
  readonly effective?: Float32Array;
  /** How it rounds what it reads from now on. */
  readonly input?: InputQuantization;
}

export interface ChangedLinears {
  readonly linears: readonly ChangedLinear[];
  /** What makes the inputs has to be divided by this: see `fold_scale.ts`. */
  readonly fold?: Fold;
}

/** @param prepare Changes the weights before the method gets them (`correct`). */
export async function changeLinears<Options>(
  method: LinearMethod<Options>,
  options: Options,
  layer: DecoderLayer,
  names: readonly LinearName[],
  statistics: TapStatistics,
  context: CompressionContext,
  dtype: FloatType,
  prepare: (input: LinearInput) => void | Promise<void> = () => {},
): Promise<ChangedLinears> {
  const inputs: LinearInput[] = [];
  for (const name of names) {
    const input = await hostLinear(layer, name, dtype);
    await prepare(input);
    inputs.push(input);
  }
  const breathe = breather(context.signal);
  const change: ChangeContext = {
    signal: context.signal,
    linalg: linalgOptions(context),
    breathe: async () => breathe(),
  };
  const measured = inputs.map(({ rows }) => measuredRows(rows, statistics));
  const before = inputs.map(({ W, columns }, i) => rowsOf(W, columns, measured[i]));
  const input = method.input?.(statistics, options);
  const { linears: results, divideInputs: scale } = await ask(method, inputs, statistics, options, change);
  const changed: ChangedLinear[] = [];
  for (const [i, linear] of inputs.entries()) {
    throwIfCancelled(context.signal);
    const { rows, columns, use } = linear;
    const result = results[i];
    if (!result) continue;
    const weight = await storeChanged(context.scratch, `${use.path}.weight`, [rows, columns], result, dtype);
    const given = 'values' in result && !('packing' in result) ? result.bias : undefined;
    const bias = given && (await storeChanged(context.scratch, `${use.path}.bias`, [rows], { values: given }, dtype));
    // What the device gets is needed whole.
    const whole = scale && !input ? await stored(weight) : undefined;
    const V = whole ? rowsOf(whole, columns, measured[i]) : await stored(weight, measured[i]);
    for (const values of whole ? [whole, V] : [V]) {
      if (scale) for (let k = 0; k < values.length; k++) values[k] /= scale[k % columns];
    }
    const figure = unitError(before[i], V, V.length / columns, columns, statistics, change.linalg.multiply);
    const unit = {
      unit: use.path,
      layer: use.layer,
      ...figure,
      bytes: packedWeightBytes(weight) + (input ? inputBytes(input, columns) : 0),
    };
    const more = { ...(bias && { bias }), ...(input ? { input } : whole && { effective: whole }) };
    // Rounded inputs have to be divided before they are, on the device too: see `LayerwisePass`.
    changed.push({ name: use.name, weight, unit, ...more });
  }
  return { linears: changed, ...(scale && { fold: foldOf(inputs, scale) }) };
}

/** Rows of a matrix, in f32; all of them without a list. */
function rowsOf(W: Float32Array | Float64Array, columns: number, rows: readonly number[] | undefined): Float32Array {
  if (!rows) return new Float32Array(W);
  const taken = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    taken.set(W.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return taken;
}

/** Rows of a stored weight; all of them without a list. */
async function stored(weight: WeightRef, rows?: readonly number[]): Promise<Float32Array> {
  if (!rows) return decodeStored(await weight.read(), weight.dtype);
  const [, columns] = weight.shape;
  const taken = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries()) {
    taken.set(decodeStored(await weight.read({ start: row, end: row + 1 }), weight.dtype), i * columns);
  }
  return taken;
}

/** How changed linears round what they read, where they do. */
export function inputsOf(linears: readonly ChangedLinear[]): Map<LinearName, InputQuantization> {
  return new Map(linears.flatMap(({ name, input }) => (input ? [[name, input] as const] : [])));
}

function foldOf([{ use }]: readonly LinearInput[], scale: Float64Array): Fold {
  const { scale_place: place } = use;
  if (place) return { place, scale };
  throw new WhittleError({ code: 'internal', message: `Nothing before ${use.path} can take a scale.` });
}

/** A linear's weights on the host. @throws `non_finite_weights` */
export async function hostLinear(layer: DecoderLayer, name: LinearName, dtype: FloatType): Promise<LinearInput> {
  const { weight } = linearOf(layer, name);
  const [rows, columns] = weight.shape;
  const stored = await weight.read();
  const values = decodeStored(stored, weight.dtype);
  const bad = firstNotFinite(values);
  if (bad >= 0) {
    throw new WhittleError({
      code: 'non_finite_weights',
      message: `Weight ${bad % columns} of row ${Math.floor(bad / columns)} is ${values[bad]}.`,
      place: { tensor: weight.name, layer: layer.index },
      allowed: 'finite numbers',
      action: 'The file may be damaged, or the training diverged: fetch the model again or use another checkpoint.',
    });
  }
  return {
    W: new Float64Array(values),
    rows,
    columns,
    use: linearUse(layer, name, dtype === 'F32' ? 'F32' : 'F16'),
    source: weight,
    ...(!isFloatType(weight.dtype) && { blocks: stored }),
    ...(weight.unpack && { unpack: weight.unpack.bind(weight) }),
  };
}

/** A plain loop: a function called for each weight would take longer than decoding them. */
function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

async function ask<Options>(
  method: LinearMethod<Options>,
  inputs: readonly LinearInput[],
  statistics: TapStatistics,
  options: Options,
  context: ChangeContext,
): Promise<ChangedTogether> {
  if (method.changeTogether) return method.changeTogether(inputs, statistics, options, context);
  if (!method.change) throw new WhittleError({ code: 'internal', message: 'A method changes no linear.' });
  const linears: Changed[] = [];
  for (const input of inputs) {
    linears.push(await method.change(input, statistics, options, context));
    await context.breathe();
  }
  return { linears };
}
