/** matmul_bt_sparse and unpack_sparse: what each is called for, and lanes that share an output (test/sparse_products.test.ts has the rest). */
import { afterAll, describe, expect, it } from 'vitest';
import { f16ToNumber, numberToF16 } from '../../../tensor/half.ts';
import type { SparseMatrix, Tensor } from '../../backend.ts';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** Of every four inputs two in turn, and the numbers of all. */
function matrixOf(rows: number, columns: number): { matrix: SparseMatrix; numbers: Float64Array } {
  const pairs = [0b0100, 0b1101, 0b1000, 0b1110];
  const halves = Uint16Array.from(randomValues((rows * columns) / 2, 1), numberToF16);
  const numbers = new Float64Array(rows * columns);
  const places = new Uint8Array(Math.ceil((rows * columns) / 8));
  for (let four = 0; four < (rows * columns) / 4; four++) {
    const pair = pairs[four % pairs.length];
    numbers[4 * four + (pair & 3)] = f16ToNumber(halves[2 * four]);
    numbers[4 * four + (pair >> 2)] = f16ToNumber(halves[2 * four + 1]);
    places[four >> 1] |= pair << (4 * (four & 1));
  }
  return { matrix: { rows, columns, floats: 'F16', values: new Uint8Array(halves.buffer), places }, numbers };
}

describe.skipIf(!twins)('products with two of every four inputs stored', () => {
  async function check(m: number, n: number, k: number): Promise<void> {
    const { matrix, numbers } = matrixOf(n, k);
    const { webgpu } = twins!;
    const [found, expected] = await twins!.run((backend) => {
      const b =
        backend === webgpu ? (webgpu.packSparse(matrix, 'b') as Tensor) : backend.fromArray(numbers, [n, k], 'b');
      const output = backend.empty([m, n], 'output');
      backend.matmul_bt({ a: backend.fromArray(randomValues(m * k, 5), [m, k], 'a'), b, output });
      b.dispose();
      return output;
    });
    expect(normalisedError(found, expected)).toBeLessThan(1e-12);
  }

  it('takes few rows from what is stored, many by panels', async () => {
    await check(3, 20, 36);
    expect(twins!.kernels.has('matmul_bt_sparse')).toBe(true);
    expect(twins!.kernels.has('unpack_sparse')).toBe(false);
    await check(9, 20, 36);
    expect(twins!.kernels.has('unpack_sparse')).toBe(true);
  });

  it('adds lanes that share an output, as hardware does', async () => {
    const { context } = twins!.webgpu;
    const was = context.isFallbackAdapter;
    Object.assign(context, { isFallbackAdapter: false });
    await check(2, 37, 300);
    Object.assign(context, { isFallbackAdapter: was });
  });
});
