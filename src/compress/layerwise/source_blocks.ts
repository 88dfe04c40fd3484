/**
 * @file A linear that still has the numbers of its GGUF blocks is its own best rounding in their grid: nothing that is fitted
 * anew could be nearer, and fitting anew loses where codes do not reach both ends of their range.
 */
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import type { BlocksValues, GroupedValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { blockOf, type QuantType } from '../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../tensor/half.ts';
import type { LinearInput } from '../layerwise_types.ts';

const BLOCK = 32;

type Source = Pick<LinearInput, 'W' | 'rows' | 'columns' | 'source' | 'blocks'>;

/** The blocks themselves, where they are of that type and no step has changed what they hold. */
export function sourceBlocks({ W, rows, columns, source, blocks }: Source, dtype: QuantType): BlocksValues | undefined {
  if (!blocks || source.dtype !== dtype || !holds(decodeStored(blocks, dtype), W)) return undefined;
  return { packing: { kind: 'blocks', dtype }, rows, columns, blocks };
}

/** What blocks of a type are as grouped integers in 32: exactly, every one of them. */
const AS_INTEGERS: Partial<Record<string, Pick<Grouped, 'bits' | 'zero'> & { read: typeof withMinimums }>> = {
  Q4_1: { bits: 4, zero: 'minimum', read: withMinimums },
  Q4_0: { bits: 4, zero: 'integer', read: withZeros },
  Q8_0: { bits: 8, zero: 'integer', read: ofBytes },
};

/** Blocks of Q4_0, Q4_1 and Q8_0 as the grouped integers that they are; undefined for other grids, and where a step has changed the weights. */
export function sourceIntegers(
  { W, rows, columns, source, blocks }: Source,
  packing: Grouped,
): GroupedValues | undefined {
  const { bits, group, zero, scale } = packing;
  const kind = AS_INTEGERS[source.dtype];
  if (!blocks || kind?.zero !== zero || bits !== kind.bits || group !== BLOCK || scale !== 'F16') return undefined;
  const found = { packing, rows, columns, ...kind.read(blocks, rows * columns) };
  return holds(dense(found), W) ? found : undefined;
}

function holds(found: Float32Array, W: Float64Array): boolean {
  return found.every((value, i) => value === W[i]);
}

function halfAt(blocks: Uint8Array, at: number): number {
  return decodeToFloat32(blocks.subarray(at, at + 2), 'F16')[0];
}

function withMinimums(blocks: Uint8Array, elements: number) {
  const { bytes } = blockOf('Q4_1');
  const count = elements / BLOCK;
  const [codes, scales, zeros] = [new Uint8Array(elements), new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    scales[i] = halfAt(blocks, i * bytes);
    zeros[i] = halfAt(blocks, i * bytes + 2);
    setCodes(codes, i * BLOCK, blocks, i * bytes + 4);
  }
  return { codes, scales, zeros };
}

/** A negative scale, which Q4_0 often has, is turned round: d·(q − 8) = −d·((15 − q) − 7). */
function withZeros(blocks: Uint8Array, elements: number) {
  const { bytes } = blockOf('Q4_0');
  const count = elements / BLOCK;
  const [codes, scales, zeros] = [new Uint8Array(elements), new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    const d = halfAt(blocks, i * bytes);
    scales[i] = Math.abs(d);
    zeros[i] = d < 0 ? 7 : 8;
    setCodes(codes, i * BLOCK, blocks, i * bytes + 2);
    if (d < 0) for (let j = i * BLOCK; j < (i + 1) * BLOCK; j++) codes[j] = 15 - codes[j];
  }
  return { codes, scales, zeros };
}

/** Signed bytes: d·q = d·((q + 128) − 128). A scale below zero, which no quantiser writes, is left to what is fitted anew. */
function ofBytes(blocks: Uint8Array, elements: number) {
  const { bytes } = blockOf('Q8_0');
  const count = elements / BLOCK;
  const codes = new Uint8Array(elements);
  const scales = Float64Array.from({ length: count }, (_, i) => halfAt(blocks, i * bytes));
  for (let i = 0; i < elements; i++) codes[i] = blocks[Math.floor(i / BLOCK) * bytes + 2 + (i % BLOCK)] ^ 128;
  return { codes, scales, zeros: new Float64Array(count).fill(128) };
}

function setCodes(codes: Uint8Array, to: number, blocks: Uint8Array, at: number): void {
  for (let j = 0; j < 16; j++) {
    codes[to + j] = blocks[at + j] & 15;
    codes[to + j + 16] = blocks[at + j] >> 4;
  }
}
