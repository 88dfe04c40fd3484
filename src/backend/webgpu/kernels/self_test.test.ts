import { afterAll, describe, expect, it } from 'vitest';
import { createNodeWebGpuBackend } from '../../testing.ts';
import { chosen, testFloats } from '../self_test.ts';
import { SELF_TEST_WORDS, selfTestKernel } from './self_test.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

describe.skipIf(!backend)('self_test', () => {
  it('gives the bits of each operation', async () => {
    const cases = backend!.fromArray([3, 2, 0.5, 0, 2, 8, -1, 0], [2, 4], 'cases');
    const found = backend!.emptyIds(2 * SELF_TEST_WORDS, 'found');
    selfTestKernel(backend!.context, { cases, found, count: 2 });
    const words = Uint32Array.from(await backend!.read(found));
    const floats = new Float32Array(words.buffer);
    expect([...floats.slice(0, 4)]).toEqual([6.5, 6.5, 6, 1.5]);
    expect(floats[4]).toBeCloseTo(Math.sqrt(3), 6);
    expect([words[5], words[6], floats[7]]).toEqual([0, 0, 3]);
    expect([...floats.slice(8, 12)]).toEqual([15, 15, 16, 0.25]);
    cases.dispose();
    found.dispose();
  });

  it('finds an adapter that keeps the rules, and leaves no memory behind', async () => {
    const { context, memory } = backend!;
    const before = memory.currentBytes;
    const floats = await testFloats(context);
    await backend!.sync();
    expect(memory.currentBytes).toBe(before);
    // What every WGSL implementation must do.
    expect(floats.integer_sum).toBe(true);
    expect(floats.nan_by_bits).toBe(true);
    expect(floats.division_ulp).toBeLessThanOrEqual(3);
    expect(floats.sqrt_ulp).toBeLessThanOrEqual(4);
    expect(floats.summation).toBe('integer');
    expect(backend!.info.capabilities?.floats).toMatchObject({ ...floats, ms: expect.any(Number) });
    expect(context.summation).toBe('integer');
  });

  it('sees a sum that loses digits', async () => {
    const { context } = backend!;
    const dispatch = context.dispatch;
    // As on an adapter whose compiler simplifies the two-sum away: high is right, low stays zero.
    context.dispatch = (definition, tensors, params, overrides) => {
      const spoiled =
        definition.name.startsWith('covariance') && params.summation === 2 ? { ...params, summation: 0 } : params;
      dispatch.call(context, definition, tensors, spoiled, overrides);
    };
    try {
      expect(await testFloats(context)).toMatchObject({ integer_sum: true, float_sum: false, summation: 'integer' });
    } finally {
      context.dispatch = dispatch;
    }
  });

  // Both sums are one kernel with a parameter: 1 for integers, 2 for floats.
  it.each([
    { broken: [1], summation: 'float', used: 2 },
    { broken: [1, 2], summation: 'plain', used: 0 },
    { broken: [2], summation: 'integer', used: 1 },
  ] as const)(
    'takes the path $summation where an adapter breaks sums $broken, in every covariance from then on',
    async (fake) => {
      const { context } = backend!;
      const dispatch = context.dispatch;
      const used = new Set<number>();
      context.dispatch = (definition, tensors, params, overrides) => {
        const isSum = definition.name.startsWith('covariance') && 'summation' in params;
        if (isSum) used.add(params.summation);
        const isBroken = isSum && (fake.broken as readonly number[]).includes(params.summation);
        dispatch.call(context, definition, tensors, isBroken ? { ...params, summation: 0 } : params, overrides);
      };
      try {
        await backend!.testFloats();
        expect(context.summation).toBe(fake.summation);
        expect(backend!.info.capabilities?.floats?.summation).toBe(fake.summation);
        used.clear();
        const hidden_states = backend!.fromArray(
          Float32Array.from({ length: 300 * 8 }, (_, i) => (i % 7) - 3),
          [300, 8],
          'x',
        );
        const [covariance, low] = [backend!.empty([8, 8], 'sum'), backend!.empty([8, 8], 'rest')];
        backend!.covariance({ hidden_states, covariance, low });
        await backend!.sync();
        for (const tensor of [hidden_states, covariance, low]) tensor.dispose();
        expect([...used]).toEqual([fake.used]);
      } finally {
        context.dispatch = dispatch;
        await backend!.testFloats();
      }
    },
  );

  it('leaves integers, which need no promise, where it cannot run, and tells nothing of the arithmetic', async () => {
    const { context } = backend!;
    const readBytes = context.readBytes;
    const { floats: _, ...capabilities } = backend!.info.capabilities!;
    backend!.info = { ...backend!.info, capabilities };
    context.readBytes = () => Promise.reject(new Error('no mapping'));
    try {
      await backend!.testFloats();
      expect(context.summation).toBe('integer');
      expect(backend!.info.capabilities?.floats).toBeUndefined();
    } finally {
      context.readBytes = readBytes;
      await backend!.testFloats();
    }
    expect(backend!.info.capabilities?.floats?.summation).toBe('integer');
  });

  it('chooses integers before floats, and rounding only where neither is right', () => {
    expect([chosen(true, true), chosen(true, false), chosen(false, true), chosen(false, false)]).toEqual([
      'integer',
      'integer',
      'float',
      'plain',
    ]);
  });
});
