/** @file Blocks of 32 values: Q4_0, Q5_0, Q8_0 (symmetric), Q4_1, Q5_1 (with a minimum), IQ4_NL and MXFP4 (levels). */
import { numberToF16 } from '../../half.ts';
import { IQ4_NL_LEVELS } from '../iq4_nl.ts';
import { FP4_LEVELS } from '../mxfp4.ts';
import { type Affine, affineError, affineScale, CUTS } from './affine.ts';
import { half, nearest, symmetricScale } from './symmetric.ts';

/** Writes one block; `x` and `w` hold its values and their weights. */
export type BlockEncoder = (x: Float64Array, w: Float64Array, bytes: Uint8Array, at: number) => void;

const RUN = 32;

export function setHalf(bytes: Uint8Array, at: number, value: number): void {
  const bits = numberToF16(value);
  bytes[at] = bits & 255;
  bytes[at + 1] = bits >> 8;
}

/** Low nibbles are values 0 … 15, high ones 16 … 31. */
export function setNibbles(bytes: Uint8Array, at: number, codes: ArrayLike<number>): void {
  for (let j = 0; j < 16; j++) bytes[at + j] = (codes[j] & 15) | ((codes[j + 16] & 15) << 4);
}

/** The fifth bits, little-endian. */
export function setFifthBits(bytes: Uint8Array, at: number, codes: ArrayLike<number>): void {
  bytes.fill(0, at, at + 4);
  for (let j = 0; j < RUN; j++) bytes[at + (j >> 3)] |= ((codes[j] >> 4) & 1) << (j & 7);
}

function symmetric(x: Float64Array, w: Float64Array, low: number, high: number) {
  const range = { low, high };
  const d = half(symmetricScale(x, w, 0, RUN, range));
  return { d, codes: Array.from({ length: RUN }, (_, j) => (d === 0 ? 0 : nearest(x[j], 1 / d, range))) };
}

const inHalves = ({ scale, minimum }: Affine): Affine => ({ scale: half(scale), minimum: half(minimum) });

function affine(x: Float64Array, w: Float64Array, steps: keyof typeof CUTS) {
  const { scale: d, minimum } = affineScale(x, w, 0, RUN, steps, false, CUTS[steps], inHalves);
  const range = { low: 0, high: steps };
  const codesFrom = (m: number) =>
    Array.from({ length: RUN }, (_, j) => (d === 0 ? 0 : nearest(x[j] - m, 1 / d, range)));
  const codes = codesFrom(minimum);
  // The scale is another since it was rounded: the minimum may make up for it.
  const [sum, weight] = codes.reduce(([all, of], code, j) => [all + w[j] * (x[j] - d * code), of + w[j]], [0, 0]);
  const m = half(sum / weight);
  const errorAt = (at: number) => affineError(x, w, 0, RUN, { scale: d, minimum: at }, range);
  return errorAt(m) < errorAt(minimum) ? { d, m, codes: codesFrom(m) } : { d, m: minimum, codes };
}

export const encodeQ8_0: BlockEncoder = (x, w, bytes, at) => {
  const { d, codes } = symmetric(x, w, -127, 127);
  setHalf(bytes, at, d);
  for (let j = 0; j < RUN; j++) bytes[at + 2 + j] = codes[j];
};

export const encodeQ4_0: BlockEncoder = (x, w, bytes, at) => {
  const { d, codes } = symmetric(x, w, -8, 7);
  setHalf(bytes, at, d);
  setNibbles(
    bytes,
    at + 2,
    codes.map((code) => code + 8),
  );
};

export const encodeQ5_0: BlockEncoder = (x, w, bytes, at) => {
  const { d, codes } = symmetric(x, w, -16, 15);
  const shifted = codes.map((code) => code + 16);
  setHalf(bytes, at, d);
  setFifthBits(bytes, at + 2, shifted);
  setNibbles(bytes, at + 6, shifted);
};

export const encodeQ4_1: BlockEncoder = (x, w, bytes, at) => {
  const { d, m, codes } = affine(x, w, 15);
  setHalf(bytes, at, d);
  setHalf(bytes, at + 2, m);
  setNibbles(bytes, at + 4, codes);
};

export const encodeQ5_1: BlockEncoder = (x, w, bytes, at) => {
  const { d, m, codes } = affine(x, w, 31);
  setHalf(bytes, at, d);
  setHalf(bytes, at + 2, m);
  setFifthBits(bytes, at + 4, codes);
  setNibbles(bytes, at + 8, codes);
};

/** Finds the level nearest to a value, the lower index where two are as near. */
function nearestLevel(levels: readonly number[], value: number): number {
  let best = 0;
  for (let q = 1; q < levels.length; q++) if (Math.abs(levels[q] - value) < Math.abs(levels[best] - value)) best = q;
  return best;
}

/** Halfway between a level and the next: above it the next is nearer. */
const IQ4_BOUNDS = Float64Array.from({ length: 15 }, (_, q) => (IQ4_NL_LEVELS[q] + IQ4_NL_LEVELS[q + 1]) / 2);

/** As {@link nearestLevel}: the levels rise, so that four comparisons tell. */
function nearestIQ4(value: number): number {
  let q = value > IQ4_BOUNDS[7] ? 8 : 0;
  if (value > IQ4_BOUNDS[q + 3]) q += 4;
  if (value > IQ4_BOUNDS[q + 1]) q += 2;
  return value > IQ4_BOUNDS[q] ? q + 1 : q;
}

/** Starts of a scale, as how many levels the largest value is taken for; negative ones turn the signs round. */
const IQ4_STARTS = [-140, -127, -118, -110, -104, -97, -90, -83, 83, 90, 97, 104, 108, 113, 120, 130];

export const encodeIQ4_NL: BlockEncoder = (x, w, bytes, at) => {
  let extreme = 0;
  for (let j = 0; j < RUN; j++) if (Math.abs(x[j]) > Math.abs(extreme)) extreme = x[j];
  let d = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const start of extreme === 0 ? [] : IQ4_STARTS) {
    let scale = extreme / start;
    for (let turn = 0; turn < 3; turn++) {
      let [product, squares] = [0, 0];
      for (let j = 0; j < RUN; j++) {
        const level = IQ4_NL_LEVELS[nearestIQ4(x[j] / scale)];
        product += w[j] * level * x[j];
        squares += w[j] * level * level;
      }
      if (squares === 0 || product === 0) break;
      scale = product / squares;
      const gain = (product * product) / squares;
      if (gain > most) [most, d] = [gain, scale];
    }
  }
  d = half(d);
  setHalf(bytes, at, d);
  setNibbles(
    bytes,
    at + 2,
    Array.from({ length: RUN }, (_, j) => (d === 0 ? 8 : nearestIQ4(x[j] / d))),
  );
};

export const encodeMXFP4: BlockEncoder = (x, w, bytes, at) => {
  let extreme = 0;
  for (let j = 0; j < RUN; j++) extreme = Math.max(extreme, Math.abs(x[j]));
  const top = extreme === 0 ? 0 : Math.floor(Math.log2(extreme)) - 2 + 128;
  let best = { exponent: 0, codes: new Array<number>(RUN).fill(0), error: Number.POSITIVE_INFINITY };
  for (let exponent = top - 1; exponent <= top + 1 && extreme > 0; exponent++) {
    if (exponent < 0 || exponent > 254) continue;
    const d = 2 ** (exponent - 128);
    const codes = Array.from({ length: RUN }, (_, j) => nearestLevel(FP4_LEVELS, x[j] / d));
    const error = codes.reduce((sum, code, j) => sum + w[j] * (x[j] - d * FP4_LEVELS[code]) ** 2, 0);
    if (error < best.error) best = { exponent, codes, error };
  }
  bytes[at] = best.exponent;
  setNibbles(bytes, at + 1, best.codes);
};
