/** @file Where the parts of a fitted super-block lie in the bytes of Q2_K, Q3_K, Q4_K, Q5_K and Q6_K: the decoders' layouts. */
import { type BlockEncoder, setHalf } from './small_blocks.ts';
import { fitAffineSuper, fitSymmetricSuper } from './super_block.ts';

/** Two bits of each value: run s of half h in bits 2s of bytes 32h … 32h + 31. */
function setTwoBits(bytes: Uint8Array, at: number, codes: ArrayLike<number>): void {
  bytes.fill(0, at, at + 64);
  for (let i = 0; i < 256; i++) bytes[at + 32 * (i >> 7) + (i & 31)] |= (codes[i] & 3) << (2 * ((i >> 5) & 3));
}

/** Four bits of each value: runs 2c and 2c + 1 of 32 are low and high nibbles of bytes 32c … */
function setRunNibbles(bytes: Uint8Array, at: number, codes: ArrayLike<number>): void {
  bytes.fill(0, at, at + 128);
  for (let i = 0; i < 256; i++) bytes[at + 32 * (i >> 6) + (i & 31)] |= (codes[i] & 15) << (4 * ((i >> 5) & 1));
}

/** 6-bit scales and minima of eight runs in 12 bytes: see `k_scales.ts`. */
function setRunScales(bytes: Uint8Array, at: number, scales: ArrayLike<number>, mins: ArrayLike<number>): void {
  for (let run = 0; run < 4; run++) {
    bytes[at + run] = scales[run] | ((scales[run + 4] >> 4) << 6);
    bytes[at + 4 + run] = mins[run] | ((mins[run + 4] >> 4) << 6);
    bytes[at + 8 + run] = (scales[run + 4] & 15) | ((mins[run + 4] & 15) << 4);
  }
}

export const encodeQ2_K: BlockEncoder = (x, w, bytes, at) => {
  const { d, dmin, scales, mins, codes } = fitAffineSuper(x, w, { run: 16, steps: 3, most: 15 });
  for (let group = 0; group < 16; group++) bytes[at + group] = scales[group] | (mins[group] << 4);
  setTwoBits(bytes, at + 16, codes);
  setHalf(bytes, at + 80, d);
  setHalf(bytes, at + 82, dmin);
};

const Q3_K = { run: 16, range: { low: -4, high: 3 }, scaleRange: { low: -32, high: 31 } } as const;

export const encodeQ3_K: BlockEncoder = (x, w, bytes, at) => {
  const { d, scales, codes } = fitSymmetricSuper(x, w, Q3_K);
  const shifted = codes.map((code) => code + 4);
  bytes.fill(0, at, at + 32);
  for (let i = 0; i < 256; i++) bytes[at + (i & 31)] |= (shifted[i] >> 2) << (i >> 5);
  setTwoBits(bytes, at + 32, shifted);
  bytes.fill(0, at + 96, at + 108);
  for (let group = 0; group < 16; group++) {
    const scale = scales[group] + 32;
    bytes[at + 96 + (group & 7)] |= (scale & 15) << (4 * (group >> 3));
    bytes[at + 104 + (group & 3)] |= (scale >> 4) << (2 * (group >> 2));
  }
  setHalf(bytes, at + 108, d);
};

export const encodeQ4_K: BlockEncoder = (x, w, bytes, at) => {
  const { d, dmin, scales, mins, codes } = fitAffineSuper(x, w, { run: 32, steps: 15, most: 63 });
  setHalf(bytes, at, d);
  setHalf(bytes, at + 2, dmin);
  setRunScales(bytes, at + 4, scales, mins);
  setRunNibbles(bytes, at + 16, codes);
};

export const encodeQ5_K: BlockEncoder = (x, w, bytes, at) => {
  const { d, dmin, scales, mins, codes } = fitAffineSuper(x, w, { run: 32, steps: 31, most: 63 });
  setHalf(bytes, at, d);
  setHalf(bytes, at + 2, dmin);
  setRunScales(bytes, at + 4, scales, mins);
  bytes.fill(0, at + 16, at + 48);
  for (let i = 0; i < 256; i++) bytes[at + 16 + (i & 31)] |= (codes[i] >> 4) << (i >> 5);
  setRunNibbles(bytes, at + 48, codes);
};

const Q6_K = { run: 16, range: { low: -32, high: 31 }, scaleRange: { low: -128, high: 127 } } as const;

export const encodeQ6_K: BlockEncoder = (x, w, bytes, at) => {
  const { d, scales, codes } = fitSymmetricSuper(x, w, Q6_K);
  bytes.fill(0, at, at + 192);
  for (let i = 0; i < 256; i++) {
    const code = codes[i] + 32;
    const half = i >> 7;
    const r = i & 127;
    bytes[at + 64 * half + (r & 63)] |= (code & 15) << (4 * (r >> 6));
    bytes[at + 128 + 32 * half + (r & 31)] |= (code >> 4) << (2 * (r >> 5));
  }
  for (let group = 0; group < 16; group++) bytes[at + 192 + group] = scales[group];
  setHalf(bytes, at + 208, d);
};
