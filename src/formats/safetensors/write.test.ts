import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { openSafetensors } from './checkpoint.ts';
import { type TensorToWrite, writeSafetensors } from './write.ts';

async function written(tensors: TensorToWrite[], metadata?: Record<string, string>): Promise<Blob> {
  const parts: BlobPart[] = [];
  for await (const chunk of writeSafetensors(tensors, metadata)) parts.push(chunk.slice());
  return new Blob(parts);
}

const tensor = (name: string, dtype: string, shape: number[], ...chunks: number[][]): TensorToWrite => ({
  name,
  dtype,
  shape,
  chunks: () => chunks.map((chunk) => Uint8Array.from(chunk)),
});

describe('writeSafetensors', () => {
  it('writes what the reader reads, in chunks of any size', async () => {
    const blob = await written([
      tensor('b', 'F16', [2, 2], [1, 2, 3], [4, 5], [6, 7, 8]),
      tensor('a', 'U8', [3], [9, 10, 11]),
      tensor('empty', 'F32', [0, 7]),
    ]);
    const { checkpoint } = await openSafetensors([blobSource('w', blob)]);
    expect([...checkpoint.tensors.keys()]).toEqual(['b', 'a', 'empty']);
    expect([...(await checkpoint.read('b'))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...(await checkpoint.read('b', { start: 1, end: 2 }))]).toEqual([5, 6, 7, 8]);
    expect([...(await checkpoint.read('a'))]).toEqual([9, 10, 11]);
    expect(checkpoint.bytes).toBe(11);
  });

  it('starts the data at a multiple of 8 and reads a tensor only when its turn comes', async () => {
    const order: string[] = [];
    const watched = (name: string): TensorToWrite => ({
      ...tensor(name, 'U8', [1]),
      async *chunks() {
        order.push(name);
        yield Uint8Array.of(1);
      },
    });
    const stream = writeSafetensors([watched('x'), watched('y')]);
    const header = await stream.next();
    expect((header.value as Uint8Array).length % 8).toBe(0);
    expect(order).toEqual([]);
    await stream.next();
    expect(order).toEqual(['x']);
  });

  it.each<[string, TensorToWrite[], string]>([
    ['too few bytes', [tensor('w', 'F32', [2], [1, 2, 3, 4])], 'gave 4 bytes, but its shape needs 8'],
    ['too many bytes', [tensor('w', 'U8', [1], [1], [2])], 'gave 2 bytes, but its shape needs 1'],
    ['a name given twice', [tensor('w', 'U8', [0]), tensor('w', 'U8', [0])], 'given twice'],
    ['an unknown dtype', [tensor('w', 'F31', [0])], '"F31" is unknown'],
  ])('refuses %s', async (_, tensors, message) => {
    await expect(written(tensors)).rejects.toMatchObject({
      code: 'export_failed',
      message: expect.stringContaining(message),
    });
  });
});
