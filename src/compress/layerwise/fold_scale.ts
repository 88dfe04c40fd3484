/**
 * @file Folds a scale of a linear's inputs into what makes them: the norm before it, the rows of v (for o) or of up (for
 * down). Weights that are packed already keep their codes; only the scales of their groups change.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderLayer, Linear, Norm, WeightRef } from '../../models/decoder_model.ts';
import { storePacked } from '../../models/packed/store.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { decodeStored } from '../../tensor/decode.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { encodeFromFloat, fitInHalf } from '../../tensor/half.ts';
import { toHalf } from '../solvers/grid.ts';
import { linearOf, withLinear } from './half.ts';
import { rowPower, type ScalePlace } from './scale_place.ts';
import { storeWhole } from './store_changed.ts';

/** A place and what it is divided by, one positive number an input of the linears that read it. */
export interface Fold {
  readonly place: ScalePlace;
  readonly scale: Float64Array;
}

/**
 * The layer with `place` divided by the scale. The linears that read it were multiplied by it already.
 * @param dtype Of floats that have none of their own (a norm of a packed source).
 */
export async function foldScale(
  layer: DecoderLayer,
  { place, scale }: Fold,
  scratch: ScratchStore,
  dtype: FloatType,
): Promise<DecoderLayer> {
  if (place === 'v_proj' || place === 'up_proj') {
    const power = place === 'up_proj' ? (rowPower(layer) ?? 1) : 1;
    const factors = scale.map((value) => value ** -power);
    return withLinear(layer, place, await scaledRows(linearOf(layer, place), factors, scratch, dtype));
  }
  const norm = layer[place];
  if (!norm) throw new WhittleError({ code: 'internal', message: `Layer ${layer.index} has no ${place}.` });
  const factors = scale.map((value) => 1 / value);
  return { ...layer, [place]: await scaledNorm(norm, factors, scratch, dtype) };
}

/** What is stored is weight − offset. */
async function scaledNorm(norm: Norm, factors: Float64Array, scratch: ScratchStore, dtype: FloatType): Promise<Norm> {
  const { weight, bias, weight_offset = 0 } = norm;
  const scaled = (value: number, i: number) => (value + weight_offset) * factors[i] - weight_offset;
  return {
    ...norm,
    ...(weight && { weight: await changedVector(weight, scaled, scratch, dtype) }),
    ...(bias && { bias: await changedVector(bias, (value, i) => value * factors[i], scratch, dtype) }),
  };
}

async function scaledRows(
  { weight, bias, ...rest }: Linear,
  factors: Float64Array,
  scratch: ScratchStore,
  dtype: FloatType,
): Promise<Linear> {
  const [, columns] = weight.shape;
  const byRow = (value: number, i: number) => value * factors[Math.floor(i / columns)];
  return {
    ...rest,
    weight: weight.packed
      ? await scaledPacked(weight, factors, scratch)
      : await changedVector(weight, byRow, scratch, dtype),
    ...(bias && { bias: await changedVector(bias, (value, i) => value * factors[i], scratch, dtype) }),
  };
}

async function scaledPacked(weight: WeightRef, factors: Float64Array, scratch: ScratchStore): Promise<WeightRef> {
  const values = await weight.unpack?.();
  if (values?.packing.kind !== 'grouped') {
    throw new WhittleError({
      code: 'internal',
      message: `${weight.name} is packed in a way whose rows have no scales.`,
    });
  }
  return storePacked(scratch, weight.name, scaledGroups(values as GroupedValues, factors));
}

/** Every group's scale, and its minimum where it has one, times the factor of its row. */
function scaledGroups(values: GroupedValues, factors: Float64Array): GroupedValues {
  const { packing, scales, zeros, rows } = values;
  const groups = scales.length / rows;
  const round = packing.scale === 'F32' ? Math.fround : toHalf;
  const byRow = (value: number, i: number) => round(value * factors[Math.floor(i / groups)]);
  const minimums = packing.zero === 'minimum' ? zeros?.map(byRow) : zeros;
  return { ...values, scales: scales.map(byRow), ...(minimums && { zeros: minimums }) };
}

/** New numbers in the type that was stored, or the model's; what overflows F16 becomes F32. */
async function changedVector(
  ref: WeightRef,
  change: (value: number, index: number) => number,
  scratch: ScratchStore,
  dtype: FloatType,
): Promise<WeightRef> {
  const values = Float64Array.from(decodeStored(await ref.read(), ref.dtype), change);
  const wanted = ref.dtype === 'F32' ? 'F32' : dtype;
  const stored = wanted === 'F16' && !fitInHalf(values) ? 'F32' : wanted;
  return storeWhole(scratch, ref.name, ref.shape, encodeFromFloat(values, stored), stored);
}
