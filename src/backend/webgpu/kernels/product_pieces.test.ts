import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCpuBackend } from '../../cpu/cpu_backend.ts';
import { createNodeGpu, createNodeWebGpuBackend, normalisedError, randomValues } from '../../testing.ts';
import { requestWebGpuDevice } from '../device.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { WorkBudget } from '../work_budget.ts';
import { type ProductForm, productPieces } from './product_pieces.ts';

const whole = { parts: [{ first: 0 }] };
const parts = (...firsts: number[]) => ({ parts: firsts.map((first) => ({ first })) });

describe('pieces of a product', () => {
  it('is one where memory and time allow it', () => {
    const sizes = { m: 100, n: 70, k: 30 };
    expect(productPieces('plain', sizes, { a: whole, b: whole, output: whole }, 1e9)).toEqual([
      { m: { start: 0, end: 100 }, n: { start: 0, end: 70 }, k: { start: 0, end: 30 } },
    ]);
  });

  it('cover every multiply-add once, with k in order, within the budget and inside the parts', () => {
    const sizes = { m: 500, n: 330, k: 260 };
    const operands: Record<ProductForm, Parameters<typeof productPieces>[2]> = {
      plain: { a: parts(0, 192, 384), b: parts(0, 128, 256), output: parts(0, 256) },
      bt: { a: parts(0, 192, 384), b: parts(0, 128, 256), output: parts(0, 256) },
      at: { a: parts(0, 192), b: parts(0, 128, 256), output: parts(0, 256, 448) },
    };
    for (const form of ['plain', 'bt', 'at'] as const) {
      for (const budget of [1, 64 * 64 * 260, 3e6, 1e12]) {
        const pieces = productPieces(form, sizes, operands[form], budget);
        let covered = 0;
        const reached = new Map<string, number>();
        for (const { m, n, k } of pieces) {
          const work = (m.end - m.start) * (n.end - n.start) * (k.end - k.start);
          covered += work;
          expect(work).toBeLessThanOrEqual(Math.max(budget, 64 * 64 * 260));
          for (const { start } of [m, n, k]) expect(start % 64).toBe(0);
          const tile = `${m.start} ${n.start}`;
          expect(k.start).toBe(reached.get(tile) ?? 0);
          reached.set(tile, k.end);
          const rows = form === 'at' ? operands.at.output.parts : operands[form].a.parts;
          expect(rows.some(({ first }) => first > m.start && first < m.end)).toBe(false);
        }
        expect(covered).toBe(500 * 330 * 260);
        expect([...reached.values()].every((end) => end === 260)).toBe(true);
      }
    }
  });
});

describe('work of a dispatch', () => {
  it('is what an assumed or a measured rate does in 50 ms', () => {
    expect(new WorkBudget(false, 4e9).perDispatch).toBeCloseTo(2e8, -2);
    expect(new WorkBudget(false, 4e9).perSubmit).toBeCloseTo(8e8, -2);
    const budget = new WorkBudget(false);
    // A large product of a 7 B model is 19 dispatches until the rate is known.
    expect(Math.ceil((2048 * 4096 * 11008) / budget.perDispatch)).toBe(19);
    budget.measured(1e13);
    expect((2048 * 4096 * 11008) / budget.perDispatch).toBeLessThan(1);
    budget.measured(1);
    expect(budget.perDispatch).toBe(new WorkBudget(false).perDispatch);
  });
});

const gpu = await createNodeGpu();

describe.skipIf(!gpu)('on a device of a given rate', () => {
  const cpu = createCpuBackend();
  let slow: WebGpuBackend;
  let dispatches = 0;
  beforeAll(async () => {
    // 64 × 64 × 100 multiply-adds in the time of a dispatch, which is a second on a software adapter, 50 ms elsewhere.
    const { isFallbackAdapter } = (await requestWebGpuDevice(gpu)).info;
    const macsPerSecond = (64 * 64 * 100) / (isFallbackAdapter ? 1 : 0.05);
    slow = (await createNodeWebGpuBackend({ macsPerSecond })) as WebGpuBackend;
    const { context } = slow;
    const dispatch = context.dispatch.bind(context);
    context.dispatch = (...call) => {
      dispatches++;
      dispatch(...call);
    };
  });
  afterAll(() => slow.dispose());

  it.each(['matmul', 'matmul_bt', 'matmul_at'] as const)('%s is cut into dispatches of that work', async (name) => {
    const [m, n, k] = [200, 140, 100];
    const [results] = [
      await Promise.all(
        [slow, cpu].map((backend) => {
          const of = (rows: number, columns: number, seed: number) =>
            backend.fromArray(randomValues(rows * columns, seed), [rows, columns], 'x');
          const a = name === 'matmul_at' ? of(k, m, 1) : of(m, k, 1);
          const b = name === 'matmul_bt' ? of(n, k, 2) : of(k, n, 2);
          const output = of(m, n, 5);
          dispatches = 0;
          const gate = { states: of(m, n, 3), activation: 'silu' } as const;
          const factors = name === 'matmul_bt' ? { row_scale: of(m, 1, 4), gate } : {};
          backend[name]({ a, b, output, accumulate: true, ...factors });
          if (backend === slow) expect(dispatches).toBe(4 * 3);
          return backend.read(output);
        }),
      ),
    ];
    expect(normalisedError(results[0], results[1])).toBeLessThan(1e-12);
  });

  it('a covariance is cut into dispatches of whole chunks, and is the same to the bit', async () => {
    const [rows, n] = [700, 124];
    const sum = async (perDispatch: number) => {
      const budget = vi.spyOn(slow.context.budget, 'perDispatch', 'get').mockReturnValue(perDispatch);
      const hidden_states = slow.fromArray(randomValues(rows * n, 3), [rows, n], 'states');
      const [covariance, low] = [slow.empty([n, n], 'covariance'), slow.empty([n, n], 'low')];
      dispatches = 0;
      slow.covariance({ hidden_states, covariance, low });
      const counted = dispatches;
      budget.mockRestore();
      return { counted, values: [await slow.read(covariance), await slow.read(low)] };
    };
    const [whole, cut] = [await sum(1e12), await sum(1)];
    expect([whole.counted, cut.counted]).toEqual([1, 3]);
    expect(cut.values).toEqual(whole.values);
  });
});
