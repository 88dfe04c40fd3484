import { expect, it } from 'vitest';
import type { WeightRef } from '../../models/decoder_model.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { weightInitializer } from './weight_initializer.ts';

function matrix(rows: number, columns: number, dtype: 'F16' | 'F32'): WeightRef {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => i % 2039);
  return { name: 'w', dtype, shape: [rows, columns], read: async () => encodeFromFloat(values, dtype) };
}

/** What is yielded stands until the next is asked for. */
async function* copies(ref: WeightRef): AsyncGenerator<Uint8Array> {
  for await (const chunk of weightInitializer(ref, 'w', 'transposed').chunks()) yield chunk.slice();
}

async function transposed(ref: WeightRef): Promise<Buffer> {
  const [rows, columns] = ref.shape;
  const bytes = Buffer.from(await ref.read());
  const size = bytes.length / (rows * columns);
  const out = Buffer.alloc(bytes.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      bytes.copy(
        out,
        size * (column * rows + row),
        size * (row * columns + column),
        size * (row * columns + column + 1),
      );
    }
  }
  return out;
}

it.each([
  [3, 5, 'F16'],
  [1, 1, 'F32'],
  [700, 1000, 'F32'],
  [2100, 1013, 'F16'],
  [1_100_000, 2, 'F32'],
] as const)('a matrix of %d × %d in %s is written as its transpose', async (rows, columns, dtype) => {
  const ref = matrix(rows, columns, dtype);
  const chunks: Uint8Array[] = [];
  for await (const chunk of copies(ref)) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(await transposed(ref))).toBe(true);
});

it('two that are written by turns do not mix', async () => {
  const refs = [matrix(2100, 1013, 'F32'), matrix(3000, 900, 'F32')];
  const found: Uint8Array[][] = [[], []];
  const written = refs.map((ref) => weightInitializer(ref, 'w', 'transposed').chunks()[Symbol.asyncIterator]());
  for (let isDone = false; !isDone; ) {
    const next = [await written[0].next(), await written[1].next()];
    for (const [i, { value, done }] of next.entries()) if (!done) found[i].push(value.slice());
    isDone = next.every(({ done }) => done);
  }
  for (const [i, ref] of refs.entries()) expect(Buffer.concat(found[i]).equals(await transposed(ref))).toBe(true);
});
