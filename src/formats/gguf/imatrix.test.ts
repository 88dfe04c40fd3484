/** Importance matrices: what is written is read, and what is no such file is told as what it is. */
import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family } from '../../../test/fixtures/families/family_model.ts';
import { floatTensor, ggufBlob, ggufFamily, type Metadata, string } from '../../../test/fixtures/gguf_model.ts';
import { blobSource } from '../source.ts';
import { type Imatrix, readImatrix, writeImatrix } from './imatrix.ts';
import { openGgufFiles } from './open.ts';
import type { GgufTensorToWrite } from './write.ts';

const IMATRIX: Imatrix = {
  datasets: ['calibration.txt'],
  chunk_count: 16,
  chunk_size: 256,
  entries: new Map([
    ['blk.1.ffn_down.weight', { sums: Float32Array.of(1, 2.5, 0, 7), counts: Float32Array.of(4096) }],
    ['blk.0.attn_q.weight', { sums: Float32Array.of(3, 4), counts: Float32Array.of(4096) }],
    ['blk.2.ffn_up_exps.weight', { sums: Float32Array.of(3, 4, 5, 6), counts: Float32Array.of(12, 0) }],
  ]),
};

async function blobOf(imatrix: Imatrix): Promise<Blob> {
  const parts: BlobPart[] = [];
  for await (const chunk of writeImatrix(imatrix)) parts.push(chunk.slice());
  return new Blob(parts);
}

const read = (blob: Blob) => readImatrix(blobSource('imatrix.gguf', blob));
const pair = (name: string, sums: readonly number[], counts = [64]): GgufTensorToWrite[] => [
  floatTensor(`${name}.in_sum2`, [counts.length, sums.length / counts.length], Float32Array.from(sums)),
  floatTensor(`${name}.counts`, [counts.length, 1], Float32Array.from(counts)),
];
const made = (tensors: GgufTensorToWrite[], metadata: Metadata = new Map([['general.type', string('imatrix')]])) =>
  ggufBlob({ metadata, tensors });

describe('an importance matrix', () => {
  it('is read as it was written, names in order', async () => {
    const again = await read(await blobOf(IMATRIX));
    expect(again).toEqual(IMATRIX);
    expect([...again.entries.keys()]).toEqual([...IMATRIX.entries.keys()].sort());
  });

  it('needs nothing but sums and counts', async () => {
    const { datasets, chunk_size, entries } = await read(await made(pair('blk.0.attn_q.weight', [1, 2])));
    expect({ datasets, chunk_size, names: [...entries.keys()] }).toEqual({
      datasets: [],
      chunk_size: 0,
      names: ['blk.0.attn_q.weight'],
    });
  });

  it('is no model', async () => {
    const files = [{ path: 'imatrix.gguf', blob: await blobOf(IMATRIX) }];
    await expectBadInput(openGgufFiles(files), 'not_a_model', 'importance matrix');
  });

  it.each<[string, () => Promise<Blob>, string[]]>([
    [
      'of the form before GGUF',
      async () => new Blob([new Uint8Array(64)]),
      ['no GGUF file', 'llama-imatrix --in-file'],
    ],
    [
      'that is a model',
      async () => ggufBlob(ggufFamily(await family('llama'))),
      ['general.type', 'no importance matrix'],
    ],
    ['of another type', () => made(pair('a', [1]), new Map([['general.type', string('adapter')]])), ['"adapter"']],
    ['without tensors', () => made([]), ['holds no tensors']],
    ['with a sum alone', () => made(pair('a', [1]).slice(0, 1)), ['.in_sum2 without .counts', 'a.in_sum2']],
    ['with a count alone', () => made(pair('a', [1]).slice(1)), ['.counts without .in_sum2']],
    ['with something else in it', () => made([...pair('a', [1]), floatTensor('b', [1], Float32Array.of(1))]), ['"b"']],
    ['with a negative sum', () => made(pair('a', [1, -1])), ['Number 1 of "a.in_sum2" is -1', 'finite numbers']],
    ['with NaN', () => made(pair('a', [Number.NaN])), ['Number 0 of "a.in_sum2" is NaN']],
    ['with an infinite count', () => made(pair('a', [1], [Number.POSITIVE_INFINITY])), ['"a.counts" is Infinity']],
    [
      'with counts of another number of matrices',
      () => made([pair('a', [1, 2, 3, 4], [1, 1])[0], floatTensor('a.counts', [3, 1], Float32Array.of(1, 1, 1))]),
      ['[2, 2]', '[3, 1]', 'one count for each row'],
    ],
    [
      'in half floats',
      () => made([{ ...pair('a', [1, 2])[0], type: 'F16', chunks: () => [new Uint8Array(4)] }, pair('a', [1])[1]]),
      ['stored as F16'],
    ],
  ])('is refused: one %s', async (_, blob, fragments) => {
    await expectBadInput(read(await blob()), 'bad_gguf', ...fragments);
  });

  it('is refused where it ends early', async () => {
    const blob = await blobOf(IMATRIX);
    await expectBadInput(read(blob.slice(0, blob.size - 40)), 'truncated_file');
  });
});
