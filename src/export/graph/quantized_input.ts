/**
 * @file Inputs that are rounded before a product, in plain operators, and the product of codes with codes. What several linears
 * read is rounded once.
 */
import type { WeightRef } from '../../models/decoder_model.ts';
import { type ClusterQuantization, type InputQuantization, inputLevels } from '../../models/input_quantization.ts';
import type { GraphBuilder, Value } from './builder.ts';

/** Codes stand around this in a byte. */
const ZERO = 128;

/** x (…, in) as integer codes times their scale. */
export function roundedInput(builder: GraphBuilder, input: InputQuantization, x: Value, scope: string): Value {
  if (input.kind === 'clusters') return clusterInput(builder, input, x, scope);
  const { keep_above } = input;
  return builder.shared(`${x} rounded ${JSON.stringify(input)}`, () => {
    const outliers = keep_above === undefined ? undefined : outlierFeatures(builder, x, keep_above, scope);
    const { codes, step } = tokenCodes(builder, x, inputLevels(input), scope, outliers);
    const rounded = builder.node('Mul', `${scope}/input/Mul`, [codes, step]);
    return outliers === undefined ? rounded : builder.node('Where', `${scope}/input/Keep`, [outliers, x, rounded]);
  });
}

/**
 * x·Wᵀ of int8 codes with int8 codes: MatMulInteger, times both scales. Both sides are unsigned around 128: signed weights beside
 * unsigned inputs overflow 16 bits on processors without VNNI.
 */
export function integerProduct(builder: GraphBuilder, weight: WeightRef, x: Value, scope: string, name: string): Value {
  const bytes = builder.shared(`${x} as bytes`, () => {
    const { codes } = sharedCodes(builder, x, scope);
    return builder.cast(
      `${scope}/input/Cast`,
      builder.node('Add', `${scope}/input/Add`, [codes, builder.scalar(ZERO)]),
      'UINT8',
    );
  });
  const { step } = sharedCodes(builder, x, scope);
  const { codes, scales } = builder.integerWeight(weight, name);
  const zero = builder.byte(ZERO);
  const sums = builder.node('MatMulInteger', `${scope}/MatMulInteger`, [bytes, codes, zero, zero]);
  const floats = builder.cast(`${scope}/Cast`, sums, 'FLOAT');
  const scaled = builder.node('Mul', `${scope}/input/Scale`, [floats, step]);
  return builder.node('Mul', `${scope}/Scale`, [scaled, scales]);
}

interface TokenCodes {
  /** Whole numbers in floats, shaped as x. */
  readonly codes: Value;
  /** (…, 1). */
  readonly step: Value;
}

function sharedCodes(builder: GraphBuilder, x: Value, scope: string): TokenCodes {
  let made: TokenCodes | undefined;
  const both = () => {
    made ??= tokenCodes(builder, x, inputLevels({ kind: 'token', bits: 8 }), scope);
    return made;
  };
  const codes = builder.shared(`${x} codes`, () => both().codes);
  return { codes, step: builder.shared(`${x} step`, () => both().step) };
}

/** round(x / step) with step = max|x| / levels of each token, 1 for a token of zeros. */
function tokenCodes(builder: GraphBuilder, x: Value, levels: number, scope: string, outliers?: Value): TokenCodes {
  const node = (op: string, name: string, inputs: Value[]) => builder.node(op, `${scope}/input/${name}`, inputs);
  const magnitudes = node('Abs', 'Abs', [x]);
  const counted =
    outliers === undefined ? magnitudes : node('Where', 'Others', [outliers, builder.scalar(0), magnitudes]);
  const largest = reduceMax(builder, counted, -1, `${scope}/input/ReduceMax`);
  const quotient = node('Div', 'Step', [largest, builder.scalar(levels)]);
  const isZero = node('Equal', 'IsZero', [quotient, builder.scalar(0)]);
  const step = node('Where', 'Where', [isZero, builder.scalar(1), quotient]);
  return { codes: node('Round', 'Round', [node('Div', 'Div', [x, step])]), step };
}

/** (batch, 1, in): features that reach the threshold in any token of this call. */
function outlierFeatures(builder: GraphBuilder, x: Value, threshold: number, scope: string): Value {
  const magnitudes = builder.node('Abs', `${scope}/outliers/Abs`, [x]);
  const largest = reduceMax(builder, magnitudes, 1, `${scope}/outliers/ReduceMax`);
  return builder.node('GreaterOrEqual', `${scope}/outliers/GreaterOrEqual`, [largest, builder.scalar(threshold)]);
}

/** scale · (clip(round(x / scale) + zero) − zero), feature by feature. */
function clusterInput(builder: GraphBuilder, input: ClusterQuantization, x: Value, scope: string): Value {
  const { grid } = input;
  if (!grid) throw new RangeError('Inputs in clusters without their grid');
  const spread = (name: string, values: readonly number[]) =>
    builder.floats(
      `${scope}/input/${name}`,
      grid.cluster.map((cluster) => values[cluster]),
    );
  const [scale, zero] = [spread('scale', grid.scale), spread('zero', grid.zero)];
  return builder.shared(`${x} rounded ${scale} ${zero} ${input.bits}`, () => {
    const node = (op: string, name: string, inputs: Value[]) => builder.node(op, `${scope}/input/${name}`, inputs);
    const codes = node('Add', 'Add', [node('Round', 'Round', [node('Div', 'Div', [x, scale])]), zero]);
    const clipped = node('Clip', 'Clip', [codes, builder.scalar(0), builder.scalar(inputLevels(input))]);
    return node('Mul', 'Mul', [scale, node('Sub', 'Sub', [clipped, zero])]);
  });
}

function reduceMax(builder: GraphBuilder, x: Value, axis: number, name: string): Value {
  return builder.node('ReduceMax', name, [x, builder.ints([axis])]);
}
