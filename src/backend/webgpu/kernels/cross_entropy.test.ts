import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../backend.ts';
import { maxAbsDifference, openTwins, randomIds, randomValues } from '../../testing.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { cross_entropy } from './cross_entropy.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [rows, vocabulary, columns a block]. */
const SHAPES = [
  [1, 1, 1],
  [7, 13, 5],
  [20, 70, 70],
  [20, 200, 64],
] as const;

function losses(state: ArrayLike<number>): number[] {
  return Array.from({ length: state.length / 4 }, (_, row) => {
    const [maximum, sum, target] = [state[4 * row], state[4 * row + 1], state[4 * row + 2]];
    return Math.log(sum) + maximum - target;
  });
}

describe.skipIf(!twins).each([
  ['cross_entropy', false],
  ['cross_entropy_serial', true],
] as const)('%s against its f64 twin', (kernel, isSerial) => {
  it.each(SHAPES)('%i rows, vocabulary of %i in blocks of %i', async (rows, vocab_size, block) => {
    const logits = randomValues(rows * vocab_size, 1).map((x) => 40 * x);
    const [found, expected] = await twins!.run((backend: Backend) => {
      const state = backend.fromArray(randomValues(rows * 4, 2), [rows, 4], 'state'); // must not matter
      const target_ids = backend.fromIds(randomIds(rows, vocab_size, 3), 'target_ids');
      for (let first_column = 0; first_column < vocab_size; first_column += block) {
        const n = Math.min(block, vocab_size - first_column);
        const part = Float32Array.from({ length: rows * n }, (_, i) => {
          return logits[Math.floor(i / n) * vocab_size + first_column + (i % n)];
        });
        const args = { logits: backend.fromArray(part, [rows, n], 'logits'), target_ids, first_column, state };
        if (backend.info.kind === 'cpu') backend.cross_entropy(args);
        else cross_entropy((backend as WebGpuBackend).context, args, isSerial);
      }
      return state;
    });
    expect([...twins!.kernels]).toEqual([kernel]);
    // Losses up to 80: half an ulp of the maximum and the target, and the error of exp.
    expect(maxAbsDifference(losses(found), losses(expected))).toBeLessThan(2e-5);
  });

  it('is the same to the bit in several dispatches', async () => {
    const [rows, vocab_size] = [37, 45];
    const { webgpu } = twins!;
    const { context } = webgpu;
    const logits = webgpu.fromArray(randomValues(rows * vocab_size, 1), [rows, vocab_size], 'logits');
    const target_ids = webgpu.fromIds(randomIds(rows, vocab_size, 3), 'target_ids');
    const run = async (perDispatch: number) => {
      const budget = vi.spyOn(context.budget, 'perDispatch', 'get').mockReturnValue(perDispatch);
      const dispatched = vi.spyOn(context, 'dispatch');
      const state = webgpu.empty([rows, 4], 'state');
      // The same logits twice, so that the second block goes on from the state of each row.
      for (const first_column of [0, vocab_size]) {
        cross_entropy(context, { logits, target_ids, first_column, state }, isSerial);
      }
      const count = dispatched.mock.calls.length / 2;
      budget.mockRestore();
      dispatched.mockRestore();
      return { count, values: await webgpu.read(state) };
    };
    const whole = await run(1e12);
    const tenRows = await run(16 * vocab_size * 10.5);
    const oneRow = await run(1);
    expect([whole.count, tenRows.count, oneRow.count]).toEqual([1, 4, rows]);
    expect(tenRows.values).toEqual(whole.values);
    expect(oneRow.values).toEqual(whole.values);
  });
});
