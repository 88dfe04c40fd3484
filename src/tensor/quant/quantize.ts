/**
 * @file f32 → Q8_0, Q4_0 and Q4_1 blocks by rounding to nearest, as ggml's `quantize_row_*_ref` does. Whittle writes no
 * quantised weights; this makes the stored weights of small models in tests.
 */
import { encodeFromFloat } from '../half.ts';

/** Writes one block of 32 values; `bytes` begins at the block. */
type BlockEncoder = (values: Float32Array, bytes: Uint8Array) => void;

const ENCODERS = {
  Q8_0: { bytes: 34, encode: encodeQ8_0 },
  Q4_0: { bytes: 18, encode: encodeQ4_0 },
  Q4_1: { bytes: 20, encode: encodeQ4_1 },
} as const satisfies Record<string, { bytes: number; encode: BlockEncoder }>;

/** Blocks of `values`, whose length must be a multiple of 32. */
export function quantize(values: Float32Array, dtype: keyof typeof ENCODERS): Uint8Array<ArrayBuffer> {
  if (values.length % 32 !== 0) throw new RangeError(`${values.length} values are no whole number of blocks of 32`);
  const { bytes, encode } = ENCODERS[dtype];
  const out = new Uint8Array((values.length / 32) * bytes);
  for (let i = 0; i < values.length / 32; i++) {
    encode(values.subarray(32 * i, 32 * i + 32), out.subarray(bytes * i, bytes * (i + 1)));
  }
  return out;
}

function encodeQ8_0(values: Float32Array, bytes: Uint8Array): void {
  const d = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  bytes.set(encodeFromFloat([d], 'F16'));
  for (let j = 0; j < 32; j++) bytes[2 + j] = d === 0 ? 0 : Math.round(values[j] / d);
}

/** The value of largest magnitude becomes −8, so that it is met exactly whichever sign it has. */
function encodeQ4_0(values: Float32Array, bytes: Uint8Array): void {
  const d = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0) / -8;
  bytes.set(encodeFromFloat([d], 'F16'));
  setNibbles(values, bytes.subarray(2), (value) => (d === 0 ? 8 : value / d + 8));
}

function encodeQ4_1(values: Float32Array, bytes: Uint8Array): void {
  const m = Math.min(...values);
  const d = (Math.max(...values) - m) / 15;
  bytes.set(encodeFromFloat([d, m], 'F16'));
  setNibbles(values, bytes.subarray(4), (value) => (d === 0 ? 0 : (value - m) / d));
}

function setNibbles(values: Float32Array, bytes: Uint8Array, level: (value: number) => number): void {
  const q = (j: number) => Math.min(15, Math.max(0, Math.floor(level(values[j]) + 0.5)));
  for (let j = 0; j < 16; j++) bytes[j] = q(j) | (q(j + 16) << 4);
}
