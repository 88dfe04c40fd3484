import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { normalisedError, openTwins, randomIds, randomValues } from '../../testing.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { compare_logits } from './compare_logits.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [rows, vocabulary, columns a block, how far the heads are apart]. */
const SHAPES = [
  [1, 1, 1, 1],
  [7, 13, 5, 1e-3],
  [20, 70, 70, 3],
  [20, 200, 64, 40],
] as const;

describe.skipIf(!twins).each([
  ['compare_logits', false],
  ['compare_logits_serial', true],
] as const)('%s against its f64 twin', (kernel, isSerial) => {
  it.each(SHAPES)('%i rows, vocabulary of %i in blocks of %i, heads apart by %d', async (rows, size, block, apart) => {
    const dense = randomValues(rows * size, 1).map((x) => 8 * x);
    const change = randomValues(rows * size, 4);
    const own = dense.map((x, i) => x + apart * change[i] + 0.25);
    const [found, expected] = await twins!.run((backend: Backend) => {
      const state = backend.fromArray(randomValues(rows * 8, 2), [rows, 8], 'state'); // must not matter
      const [dense_state, own_state] = [0, 1].map(() => backend.empty([rows, 4], 'cross_entropy_state'));
      const target_ids = backend.fromIds(randomIds(rows, size, 3), 'target_ids');
      for (let first_column = 0; first_column < size; first_column += block) {
        const n = Math.min(block, size - first_column);
        const part = (logits: Float32Array) => {
          const values = Float32Array.from({ length: rows * n }, (_, i) => {
            return logits[Math.floor(i / n) * size + first_column + (i % n)];
          });
          return backend.fromArray(values, [rows, n], 'logits');
        };
        const args = { dense: part(dense), own: part(own), dense_state, own_state, first_column, state };
        backend.cross_entropy({ logits: args.dense, target_ids, first_column, state: dense_state });
        backend.cross_entropy({ logits: args.own, target_ids, first_column, state: own_state });
        if (backend.info.kind === 'cpu') backend.compare_logits(args);
        else compare_logits((backend as WebGpuBackend).context, args, isSerial);
      }
      return state;
    });
    expect(twins!.kernels).toContain(kernel);
    const of = (values: ArrayLike<number>, at: number) =>
      Array.from({ length: rows }, (_, row) => values[8 * row + at]);
    for (const place of [2, 3]) expect(of(found, place)).toEqual(of(expected, place));
    // D and its shift cancel where the heads are near: as a share of what they cancel from.
    const scale = Math.max(...of(expected, 5).map(Math.abs), ...of(expected, 4).map(Math.abs), 1e-6);
    for (const at of [4, 5]) {
      const errors = of(found, at).map((value, row) => Math.abs(value - of(expected, at)[row]));
      expect(Math.max(...errors)).toBeLessThan(2e-5 * scale);
    }
    expect(normalisedError(of(found, 6), of(expected, 6))).toBeLessThan(1e-12);
  });
});
