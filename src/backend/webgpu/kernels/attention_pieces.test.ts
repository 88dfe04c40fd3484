import { afterAll, describe, expect, it, vi } from 'vitest';
import { createNodeWebGpuBackend, randomValues } from '../../testing.ts';
import { attention } from './attention.ts';
import { type AttentionSizes, attentionMacs, attentionPieces } from './attention_pieces.ts';

const ROWS = 8;
const SIZES: AttentionSizes = { batch: 3, seqlen: 45, heads: 5, head_dim: 4, window: 45 };
const VARIANTS: [name: string, sizes: AttentionSizes][] = [
  ['causal', SIZES],
  ['a window', { ...SIZES, window: 11 }],
  ['each sees itself', { ...SIZES, window: 1 }],
  ['one token', { ...SIZES, seqlen: 1, window: 1 }],
];

/** Σ over all queries of the keys that each sees, one by one. */
function countedMacs({ batch, seqlen, heads, head_dim, window }: AttentionSizes): number {
  let keys = 0;
  for (let position = 0; position < seqlen; position++) keys += Math.min(position + 1, window);
  return 2 * head_dim * heads * batch * keys;
}

describe.each(VARIANTS)('pieces of attention: %s', (_, sizes) => {
  const whole = countedMacs(sizes);
  const rows = Math.min(ROWS, sizes.seqlen);
  const last = { first_position: sizes.seqlen - rows, positions: rows, head_count: 1, sequences: 1 };
  const least = attentionMacs(last, sizes);

  it('is one where time allows it', () => {
    const { batch, seqlen, heads } = sizes;
    const all = { first_position: 0, positions: seqlen, first_head: 0, head_count: heads };
    expect(attentionPieces(sizes, ROWS, whole)).toEqual([{ ...all, first_sequence: 0, sequences: batch }]);
  });

  it.each([1, 300, 2000, 10_000, 1e9])('take every query once, at most %i multiply-adds together', (most) => {
    const taken = new Set<string>();
    let macs = 0;
    for (const piece of attentionPieces(sizes, ROWS, most)) {
      const of = attentionMacs(piece, sizes);
      expect(of).toBeLessThanOrEqual(Math.max(most, least));
      expect(piece.first_position % ROWS).toBe(0);
      macs += of;
      for (let s = 0; s < piece.sequences; s++) {
        for (let p = 0; p < piece.positions; p++) {
          for (let h = 0; h < piece.head_count; h++) {
            const query = [piece.first_sequence + s, piece.first_position + p, piece.first_head + h].join();
            expect(taken.has(query)).toBe(false);
            taken.add(query);
          }
        }
      }
    }
    expect(taken.size).toBe(sizes.batch * sizes.seqlen * sizes.heads);
    expect(macs).toBe(whole);
  });
});

describe('pieces of a long sequence', () => {
  const sizes = { batch: 1, seqlen: 8192, heads: 32, head_dim: 128, window: 8192 };

  it('are of equal work, so later ones have fewer rows, and keep all heads together', () => {
    const most = 5e9;
    const pieces = attentionPieces(sizes, 32, most);
    expect(pieces.length).toBeLessThan(1.25 * (countedMacs(sizes) / most));
    for (const piece of pieces.slice(0, -1)) expect(attentionMacs(piece, sizes)).toBeGreaterThan(0.5 * most);
    expect(pieces[0].positions).toBeGreaterThan(10 * (pieces.at(-2)?.positions ?? 0));
    expect(pieces.every(({ head_count }) => head_count === 32)).toBe(true);
  });

  it('take fewer heads where the rows of one workgroup are too much', () => {
    const pieces = attentionPieces(sizes, 32, 1e9);
    expect(pieces[0].head_count).toBe(32);
    expect(pieces.at(-1)?.head_count).toBeLessThan(32);
  });
});

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

const KERNELS = [
  { kernel: 'attention', head_dim: 8, isShared: false },
  { kernel: 'attention_any', head_dim: 5, isShared: false },
  ...(backend?.context.prefersWideTiles ? [{ kernel: 'attention_subgroup', head_dim: 8, isShared: true }] : []),
];

describe.skipIf(!backend).each(KERNELS)('$kernel in pieces', ({ kernel, head_dim, isShared }) => {
  const [batch, seqlen, heads, kv_heads] = [2, 70, 4, 2];
  const rows = batch * seqlen;

  it.each([
    ['causal', {}],
    ['a window and a cap', { window: 21, soft_cap: 4 }],
    ['slopes', { hasSlopes: true }],
  ] as const)('%s: is the same to the bit', async (_, given) => {
    const { hasSlopes, ...options }: { hasSlopes?: boolean; window?: number; soft_cap?: number } = given;
    const { context } = backend!;
    const of = (count: number, seed: number) =>
      backend!.fromArray(randomValues(rows * count * head_dim, seed), [rows, count * head_dim], 'states');
    const [query, key, value] = [of(heads, 1), of(kv_heads, 2), of(kv_heads, 3)];
    const slopes = hasSlopes ? backend!.fromArray([1, 0.25, 0.5, 0.125], [heads], 'slopes') : undefined;
    const run = async (perDispatch: number) => {
      const budget = vi.spyOn(context.budget, 'perDispatch', 'get').mockReturnValue(perDispatch);
      const dispatched = vi.spyOn(context, 'dispatch');
      const output = backend!.empty([rows, heads * head_dim], 'output');
      attention(
        context,
        { query, key, value, output, seqlen, heads, kv_heads, head_dim, scale: 0.5, slopes, ...options },
        isShared,
      );
      const works = dispatched.mock.calls.map(([{ name, work }, , params, overrides]) => {
        expect(name).toBe(kernel);
        return work?.(params, overrides) ?? 0;
      });
      budget.mockRestore();
      dispatched.mockRestore();
      const values = await backend!.read(output);
      output.dispose();
      return { works, values };
    };
    const sum = (works: number[]) => works.reduce((a, b) => a + b, 0);
    const whole = await run(1e12);
    expect(whole.works.length).toBe(1);
    // A sequence each; rows of all heads; a head of the rows of a workgroup.
    for (const share of [0.6, 0.2, 0]) {
      const cut = await run(share * whole.works[0]);
      expect(cut.works.length).toBeGreaterThan(1);
      expect(sum(cut.works)).toBe(whole.works[0]);
      expect(cut.values).toEqual(whole.values);
    }
    for (const tensor of [query, key, value, slopes]) tensor?.dispose();
  });
});
