/**
 * @file Numbers → the blocks of GGUF's types, with scales that lose least under given weights: the Gram's diagonal of what
 * the matrix reads (llama.cpp's importance matrix), so that Σ G_jj·Δ² is what the search lowers.
 */
import { blockOf, type QuantType } from '../../dtype.ts';
import { encodeQ2_K, encodeQ3_K, encodeQ4_K, encodeQ5_K, encodeQ6_K } from './k_blocks.ts';
import {
  type BlockEncoder,
  encodeIQ4_NL,
  encodeMXFP4,
  encodeQ4_0,
  encodeQ4_1,
  encodeQ5_0,
  encodeQ5_1,
  encodeQ8_0,
} from './small_blocks.ts';

const ENCODERS = {
  Q4_0: encodeQ4_0,
  Q4_1: encodeQ4_1,
  Q5_0: encodeQ5_0,
  Q5_1: encodeQ5_1,
  Q8_0: encodeQ8_0,
  Q2_K: encodeQ2_K,
  Q3_K: encodeQ3_K,
  Q4_K: encodeQ4_K,
  Q5_K: encodeQ5_K,
  Q6_K: encodeQ6_K,
  IQ4_NL: encodeIQ4_NL,
  MXFP4: encodeMXFP4,
} as const satisfies Partial<Record<QuantType, BlockEncoder>>;

/**
 * Types whose errors count (1 + x²/σ²)^¼ more under an importance matrix, σ² the mean square of the block: inputs are used
 * together more than a diagonal says, so that a scale that clips large weights costs more than it counts. llama.cpp takes a
 * power of ½. Which types, by measured divergence on the built-in model (docs/methods.md). IQ4_NL lost a little less with it there, too,
 * and was left as it was; Q6_K the same.
 */
const EMPHASISED: ReadonlySet<EncodableType> = new Set([
  ...(['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'] as const),
  ...(['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K'] as const),
]);

/** Types that Whittle writes. */
export type EncodableType = keyof typeof ENCODERS;

export const ENCODABLE_TYPES = Object.keys(ENCODERS) as readonly EncodableType[];

/**
 * @param values Rows one after another, each a whole number of blocks.
 * @param importance (columns): weight of each input's error; absent: all count the same.
 * @param columns Of a row.
 */
export function encodeBlocks(
  values: ArrayLike<number>,
  dtype: EncodableType,
  columns: number,
  importance?: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const block = blockOf(dtype);
  if (columns % block.elements !== 0 || values.length % columns !== 0) {
    throw new RangeError(
      `${values.length} values in rows of ${columns} are no whole number of blocks of ${block.elements}`,
    );
  }
  const blocks = values.length / block.elements;
  const out = new Uint8Array(blocks * block.bytes);
  const x = new Float64Array(block.elements);
  const w = new Float64Array(block.elements).fill(1);
  const encode: BlockEncoder = ENCODERS[dtype];
  // Inputs that the text never used still count a little: their weights must not become arbitrary.
  const floor = importance ? 1e-6 * meanOf(importance, columns) || 1 : 0;
  const isEmphasised = importance !== undefined && EMPHASISED.has(dtype);
  for (let i = 0; i < blocks; i++) {
    const from = i * block.elements;
    const column = from % columns;
    for (let j = 0; j < block.elements; j++) {
      x[j] = values[from + j];
      if (importance) w[j] = importance[column + j] + floor;
    }
    if (isEmphasised) emphasise(x, w);
    encode(x, w, out, i * block.bytes);
  }
  return out;
}

function meanOf(values: ArrayLike<number>, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i];
  return sum / count;
}

function emphasise(x: Float64Array, w: Float64Array): void {
  let energy = 0;
  for (let j = 0; j < x.length; j++) energy += x[j] ** 2;
  // Of a block of zeros nothing has to be told apart.
  if (energy === 0) return;
  const square = energy / x.length;
  for (let j = 0; j < x.length; j++) w[j] *= Math.sqrt(Math.sqrt(1 + x[j] ** 2 / square));
}
