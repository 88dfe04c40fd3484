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

  it('chooses integers before floats, and rounding only where neither is right', () => {
    expect([chosen(true, true), chosen(true, false), chosen(false, true), chosen(false, false)]).toEqual([
      'integer',
      'integer',
      'float',
      'plain',
    ]);
  });
});
