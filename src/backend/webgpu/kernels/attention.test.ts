import { afterAll, describe, expect, it } from 'vitest';
import type { AttentionArgs, Backend, Tensor } from '../../backend.ts';
import { maxAbsDifference, normalisedError, openTwins, randomValues } from '../../testing.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { attention } from './attention.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [the kernel that takes this head_dim, batch, seqlen, heads, kv_heads, head_dim]. */
const SHAPES = [
  ['attention_any', 1, 1, 1, 1, 1],
  ['attention_any', 2, 7, 4, 2, 13], // odd head, grouped queries
  ['attention', 1, 5, 3, 3, 4],
  ['attention', 2, 37, 8, 4, 8], // rows beyond one workgroup, windows that end inside one
  ['attention', 1, 70, 2, 1, 64],
  ['attention', 2, 70, 4, 2, 32],
  ['attention', 1, 290, 2, 1, 32], // more rows than one workgroup of the kernel for this head
  ['attention', 1, 9, 1, 1, 256], // the largest head
] as const;

/** The same with loads shared by lanes, as far as that kernel's registers go; heads of 32 have one of their own. */
function shared(kernel: string, head_dim: number): string {
  if (kernel !== 'attention' || head_dim > 128) return kernel;
  return head_dim === 32 ? 'attention_panel' : 'attention_subgroup';
}
const SHARED_SHAPES = SHAPES.map(([kernel, ...sizes]) => [shared(kernel, sizes[4]), ...sizes] as const);

/** Windows that end inside a block of keys, at its edge and beyond the sequence; each option alone, and all of them. */
const OPTIONS: [name: string, { window?: number; soft_cap?: number; hasSlopes?: true }][] = [
  ['the query itself', { window: 1 }],
  ['a narrow window', { window: 6 }],
  ['a window of a block', { window: 32 }],
  ['a window longer than a workgroup', { window: 37 }],
  ['a window that hides nothing', { window: 71 }],
  ['a cap', { soft_cap: 2.5 }],
  ['slopes', { hasSlopes: true }],
  ['everything', { window: 21, soft_cap: 4, hasSlopes: true }],
];

/** Loads are shared only where there are subgroups. */
const VARIANTS = twins?.webgpu.context.prefersWideTiles
  ? [
      { isShared: false, shapes: SHAPES },
      { isShared: true, shapes: SHARED_SHAPES },
    ]
  : [{ isShared: false, shapes: SHAPES }];

describe.skipIf(!twins).each(VARIANTS)(
  'attention against its f64 twin, shared loads $isShared',
  ({ isShared, shapes }) => {
    const run = (backend: Backend, args: AttentionArgs) =>
      backend.info.kind === 'cpu'
        ? backend.attention(args)
        : attention((backend as WebGpuBackend).context, args, isShared);

    it.each(shapes)(
      '%s: batch %i, seqlen %i, %i heads on %i, of %i',
      async (kernel, batch, seqlen, heads, kv_heads, head_dim) => {
        const rows = batch * seqlen;
        const [found, expected] = await twins!.run((backend) => {
          const of = (count: number, seed: number, label: string): Tensor =>
            backend.fromArray(
              randomValues(rows * count * head_dim, seed).map((x) => 3 * x),
              [rows, count * head_dim],
              label,
            );
          const query = of(heads, 1, 'query');
          const key = of(kv_heads, 2, 'key');
          const value = of(kv_heads, 3, 'value');
          const output = backend.empty([rows, heads * head_dim], 'output');
          run(backend, { query, key, value, output, seqlen, heads, kv_heads, head_dim, scale: 0.5 });
          return output;
        });
        expect([...twins!.kernels]).toEqual([kernel]);
        expect(normalisedError(found, expected)).toBeLessThan(1e-11); // scores up to ~100 in f32 before exp
      },
    );

    it.each(OPTIONS)('%s: %o', async (_, options) => {
      const seqlen = 70;
      for (const [kernel, batch, heads, kv_heads, head_dim] of [
        ['attention_any', 2, 2, 1, 5],
        ['attention', 2, 4, 2, 8],
        ['attention', 2, 4, 2, 32],
      ] as const) {
        const rows = batch * seqlen;
        const [found, expected] = await twins!.run((backend) => {
          const of = (count: number, seed: number, label: string): Tensor =>
            backend.fromArray(
              randomValues(rows * count * head_dim, seed).map((x) => 3 * x),
              [rows, count * head_dim],
              label,
            );
          const output = backend.empty([rows, heads * head_dim], 'output');
          const { hasSlopes, ...rest } = options;
          run(backend, {
            ...{ query: of(heads, 1, 'query'), key: of(kv_heads, 2, 'key'), value: of(kv_heads, 3, 'value'), output },
            ...{ seqlen, heads, kv_heads, head_dim, scale: 0.5, ...rest },
            slopes: hasSlopes ? backend.fromArray([1, 0.25, 0.5, 0.125].slice(0, heads), [heads], 'slopes') : undefined,
          });
          return output;
        });
        expect([...twins!.kernels]).toEqual([isShared ? shared(kernel, head_dim) : kernel]);
        expect(normalisedError(found, expected)).toBeLessThan(1e-11);
      }
    });

    it('caps scores that would overflow tanh', async () => {
      const [found, expected] = await twins!.run((backend) => {
        const query = backend.fromArray([3e4, 0, 0, 0, 3e4, 0, 0, 0], [2, 4], 'query');
        const key = backend.fromArray([1e4, 0, 0, 0, -1e4, 0, 0, 0], [2, 4], 'key');
        const value = backend.fromArray([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], 'value');
        const output = backend.empty([2, 4], 'output');
        const sizes = { seqlen: 2, heads: 1, kv_heads: 1, head_dim: 4, scale: 1, soft_cap: 2 };
        run(backend, { query, key, value, output, ...sizes });
        return output;
      });
      expect(maxAbsDifference(found, expected)).toBeLessThan(1e-6);
      expect(expected[4]).toBeCloseTo(1 + 4 / (1 + Math.exp(4)), 12); // capped to ±2: the second key keeps its say
    });

    it('survives scores that would overflow exp', async () => {
      const [found, expected] = await twins!.run((backend) => {
        const query = backend.fromArray([300, 0, 0, 0, 300, 0, 0, 0], [2, 4], 'query');
        const key = backend.fromArray([1, 0, 0, 0, 2, 0, 0, 0], [2, 4], 'key');
        const value = backend.fromArray([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], 'value');
        const output = backend.empty([2, 4], 'output');
        run(backend, { query, key, value, output, seqlen: 2, heads: 1, kv_heads: 1, head_dim: 4, scale: 1 });
        return output;
      });
      expect([...Array.from(found)]).toEqual([...Array.from(expected)]);
    });

    it('refuses heads above 256 dimensions', () => {
      const backend = twins!.webgpu;
      const [query, key, value, output] = ['query', 'key', 'value', 'output'].map((label) =>
        backend.empty([1, 260], label),
      );
      const args = { query, key, value, output, seqlen: 1, heads: 1, kv_heads: 1, head_dim: 260, scale: 1 };
      expect(() => backend.attention(args)).toThrowError(expect.objectContaining({ code: 'limit_exceeded' }));
    });
  },
);

describe.skipIf(!twins)('rotary against its f64 twin', () => {
  it.each([
    [1, 1, 1, 2, 1],
    [2, 7, 3, 10, 3], // part of each head is left alone
    [2, 33, 4, 8, 4],
  ])('batch %i, seqlen %i, %i heads of %i, %i pairs, both kinds', async (batch, seqlen, heads, head_dim, half) => {
    const rows = batch * seqlen;
    for (const interleaved of [false, true]) {
      const [found, expected] = await twins!.run((backend) => {
        const states = backend.fromArray(randomValues(rows * heads * head_dim, 1), [rows, heads * head_dim], 'states');
        const cos = backend.fromArray(randomValues((seqlen + 2) * half, 2), [seqlen + 2, half], 'cos');
        const sin = backend.fromArray(randomValues((seqlen + 2) * half, 3), [seqlen + 2, half], 'sin');
        backend.rotary({ states, cos, sin, seqlen, heads, head_dim, interleaved });
        return states;
      });
      expect(maxAbsDifference(found, expected)).toBeLessThan(2e-7); // two products of numbers below 1
    }
  });
});
