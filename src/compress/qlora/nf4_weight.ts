/** @file A matrix in NF4 in a scratch store, which reads as the float32 numbers that it stands for. */
import type { WeightRef } from '../../models/decoder_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { NF4_BLOCK, nf4, nf4Numbers, nf4Scales, SCALE_BLOCK } from '../solvers/nf4.ts';

/** Bytes of a matrix of so many numbers: codes, an 8-bit scale a block, a float32 a block of scales, and the mean. */
export function nf4Bytes(elements: number): number {
  const blocks = Math.ceil(elements / NF4_BLOCK);
  return Math.ceil(elements / 2) + blocks + 4 * Math.ceil(blocks / SCALE_BLOCK) + 4;
}

/** @throws `storage_full`. */
export async function storeNf4(
  scratch: ScratchStore,
  name: string,
  shape: WeightRef['shape'],
  W: ArrayLike<number>,
): Promise<WeightRef> {
  const { codes, ...rest } = nf4(W);
  const halves = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) halves[i >> 1] |= codes[i] << (i % 2 === 0 ? 4 : 0);
  const slot = await scratch.append(halves);
  const columns = shape[1];
  return {
    ...{ name, shape, dtype: 'F32' },
    async read(rows = { start: 0, end: shape[0] }) {
      const [start, end] = [rows.start * columns, rows.end * columns];
      const first = start >> 1;
      const bytes = await slot.read(first, Math.ceil(end / 2) - first);
      const own = new Uint8Array(end - start);
      for (let i = start; i < end; i++) own[i - start] = (bytes[(i >> 1) - first] >> (i % 2 === 0 ? 4 : 0)) & 15;
      const numbers = nf4Numbers(own, nf4Scales(rest), start);
      return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    },
  };
}
