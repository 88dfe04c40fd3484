import { afterAll, describe, expect, it } from 'vitest';
import { openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

describe.skipIf(!twins)('count_non_finite against its f64 twin', () => {
  it.each([1, 91, 70_000])('counts NaN and both infinities among %i elements, adding to its own counter', async (n) => {
    const values = randomValues(n, 1);
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < n; i += 17) values[i] = bad[(i / 17) % 3];
    values[n - 1] = 3.4028234e38; // the largest finite number is none of them
    const [found, expected] = await twins!.run((backend) => {
      const counts = backend.fromIds([5, 6, 7], 'counts');
      const tensor = backend.fromArray(values, [n], 'values');
      backend.count_non_finite({ tensor, counts, index: 1 });
      backend.count_non_finite({ tensor, counts, index: 1 });
      return counts;
    });
    const each = values.filter((x) => !Number.isFinite(x)).length;
    expect([...Array.from(found)]).toEqual([5, 6 + 2 * each, 7]);
    expect([...Array.from(expected)]).toEqual([5, 6 + 2 * each, 7]);
  });
});
