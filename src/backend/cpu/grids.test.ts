/** Grids: the nearest number of a group by its definition, and gradients by finite differences where rounding has none of its own. */
import { expect, it } from 'vitest';
import type { Tensor } from '../backend.ts';
import { GRID_CASES, gridCall } from '../grid_cases.ts';
import { randomValues } from '../testing.ts';
import { createCpuBackend } from './cpu_backend.ts';
import { floats, ids } from './tensor.ts';

const b = createCpuBackend();
const like = ({ shape }: Tensor, seed: number) =>
  b.fromArray(randomValues(shape[0] * shape[1], seed), shape, `seed ${seed}`);

it.each(GRID_CASES)(
  'rounds to the nearest of all numbers of the grid, and lets gradients through inside it: %o',
  (given) => {
    const call = gridCall(b, given);
    const { weight, scales, zeros, group, zero } = call;
    const [rows, d] = weight.shape;
    const groups = scales.shape[1];
    const order = call.order && ids(call.order);
    const output = b.empty(weight.shape, 'output');
    const gradient = b.fromArray(new Float64Array(rows * d).fill(1), weight.shape, 'gradient');
    b.fake_quantize({ ...call, output });
    b.fake_quantize_backward({ ...call, gradient });
    const [w, s, z, found, passes] = [weight, scales, zeros, output, gradient].map(floats);
    let clamped = 0;
    for (let row = 0; row < rows; row++) {
      for (let place = 0; place < d; place++) {
        const at = row * d + (order ? order[place] : place);
        const share = row * groups + Math.floor(place / group);
        const grid = Array.from({ length: 16 }, (_, code) =>
          zero === 'minimum' ? s[share] * code + z[share] : s[share] * (code - z[share]),
        );
        const nearest = Math.min(...grid.map((value) => Math.abs(w[at] - value)));
        expect(Math.abs(w[at] - found[at])).toBeCloseTo(nearest, 12);
        expect(grid.some((value) => Math.abs(value - found[at]) < 1e-12)).toBe(true);
        const isInside = s[share] !== 0 && w[at] > grid[0] - s[share] / 2 && w[at] < grid[15] + s[share] / 2;
        expect(passes[at]).toBe(isInside ? 1 : 0);
        if (!isInside) clamped++;
      }
    }
    expect(clamped).toBeGreaterThan(10);
    expect(clamped).toBeLessThan(rows * d - 10);
  },
);

it.each(GRID_CASES)('gives scales and minimums the gradients of finite differences: %o', (given) => {
  const { weight: codes, scales, zeros: minimums, group, order } = gridCall(b, given);
  const grad_output = like(codes, 9);
  const output = b.empty(codes.shape, 'output');
  const loss = () => {
    b.scale_groups({ codes, scales, minimums, group, order, output });
    return Array.from(floats(output)).reduce((sum, value, i) => sum + value * value * floats(grad_output)[i], 0);
  };
  loss();
  const dy = b.fromArray(
    floats(output).map((value, i) => 2 * value * floats(grad_output)[i]),
    codes.shape,
    'dy',
  );
  for (const [parameter, by] of [
    [scales, codes],
    [minimums, undefined],
  ] as const) {
    const gradient = b.empty(scales.shape, 'gradient');
    b.group_sums({ a: dy, b: by, group, order, output: gradient });
    const values = floats(parameter);
    for (const i of values.keys()) {
      const [value, step] = [values[i], 1e-5];
      values[i] = value + step;
      const above = loss();
      values[i] = value - step;
      const below = loss();
      values[i] = value;
      expect(floats(gradient)[i]).toBeCloseTo((above - below) / (2 * step), 6);
    }
  }
});
