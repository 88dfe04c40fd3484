/**
 * @file How many bytes an export's weights will take, part by part and before anything is computed: from the elements of
 * each part and the row lengths of its matrices. Biases are counted as their part's matrices; what is left out is below 2 %.
 */
import { type ModelShape, type PartSizes, totalElements } from '../compress/slicegpt/parts.ts';
import type { HeadKind } from '../compress/slicegpt/plan.ts';
import type { Precision } from '../export/precision.ts';
import { BLOCK_SIZE, blocksOf } from '../export/quantize/blocks.ts';

/** SliceGPT's shortcuts and projections, with 4 bits. */
const FINE_BLOCK_SIZE = 16;

/** Bytes of an element in rows of `columns`: codes, an F32 scale a block, with 4 bits half a byte for its zero point too. */
function blockBytes(columns: number, bits: 4 | 8, block_size = BLOCK_SIZE): number {
  const block = (block_size * bits) / 8 + (bits === 4 ? 4.5 : 4);
  return (blocksOf(columns, block_size) * block) / columns;
}

/** What a type of its own in the source, GGUF's blocks or F8, becomes where the format has no such type: two bytes. */
export function plannedBytes(
  shape: ModelShape,
  parts: PartSizes,
  /** Of the sliced residual stream; the hidden size for the dense model. */
  dimension: number,
  precision: Precision,
  head: HeadKind | 'dense',
): PartSizes {
  const { bytes_per_element: own, query_size: q, key_value_size: kv, intermediate_size: F, gated } = shape;
  if (precision === 'stored') return scaled(parts, own);
  if (precision === 'f32') return scaled(parts, 4);
  if (precision === 'f16') return { ...scaled(parts, 2), norms: 4 * parts.norms };
  const bits = precision === 'int4' ? 4 : 8;
  const mixed = (inner: number, outer: number, outer_columns: number) =>
    (inner * blockBytes(dimension, bits) + outer * blockBytes(outer_columns, bits)) / (inner + outer);
  const projection = blockBytes(dimension, bits, bits === 4 ? FINE_BLOCK_SIZE : BLOCK_SIZE);
  // One table at both ends is a head, too: it is multiplied. An embedding by itself keeps 8 bits.
  const isShared = head === 'dense' ? shape.tied : head.startsWith('tied');
  const columns = head === 'tied' || head === 'dense' ? shape.hidden_size : dimension;
  // Of the rows of q, k and v, and of gate and up, each is as long as the stream is wide; o's and down's are not.
  return {
    embedding: parts.embedding * blockBytes(columns, isShared ? bits : 8),
    attention: parts.attention * mixed(q + 2 * kv, q, q),
    mlp: parts.mlp * mixed(gated ? 2 : 1, 1, F),
    shortcuts: parts.shortcuts * projection,
    head: parts.head * (head === 'tied-sliced' ? projection : blockBytes(dimension, bits)),
    norms: 4 * parts.norms,
  };
}

function scaled(parts: PartSizes, bytes: number): PartSizes {
  const entries = Object.entries(parts).map(([part, elements]) => [part, elements * bytes]);
  return Object.fromEntries(entries) as unknown as PartSizes;
}

export function plannedTotal(...args: Parameters<typeof plannedBytes>): number {
  return Math.round(totalElements(plannedBytes(...args)));
}

/** Bits of a stored weight, on average. */
export function storedBits({ bytes, parameters }: { bytes: number; parameters: number }): number {
  return (8 * bytes) / parameters;
}

/** Between those of int4 and int8, and of int8 and f16, as files have them. */
const [MOST_FOR_INT4, MOST_FOR_INT8] = [5.75, 11];

/** Whether the weights take fewer bits than any float type that ONNX has. */
export function isBlockQuantized(model: { bytes: number; parameters: number }): boolean {
  return storedBits(model) < MOST_FOR_INT8;
}

/** The precision nearest to what the model is stored in, so that a quantised model is not blown up by default. */
export function nearestPrecision(model: { bytes: number; parameters: number }): Precision {
  const bits = storedBits(model);
  if (bits < MOST_FOR_INT4) return 'int4';
  return bits < MOST_FOR_INT8 ? 'int8' : 'stored';
}
