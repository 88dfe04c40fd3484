import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { rms_norm } from './rms_norm.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const SHAPES = [
  [1, 1],
  [7, 13],
  [3, 64],
  [70, 200],
] as const;

/** f32 sums of up to 200 squares against f64. */
const BOUND = 1e-12;

describe.skipIf(!twins)('norms against their f64 twins', () => {
  describe.each([
    ['rms_norm', false],
    ['rms_norm_serial', true],
  ] as const)('%s', (kernel, isSerial) => {
    it.each(SHAPES)('normalises (%i, %i), with and without a weight', async (rows, d) => {
      for (const hasWeight of [true, false]) {
        const [found, expected] = await twins!.run((backend: Backend) => {
          const hidden_states = backend.fromArray(randomValues(rows * d, 1), [rows, d], 'hidden_states');
          const weight = hasWeight ? backend.fromArray(randomValues(d, 2), [d], 'weight') : undefined;
          const output = backend.empty([rows, d], 'output');
          // Divisor of the original hidden size, as a sliced model has it.
          const args = { hidden_states, weight, eps: 1e-5, normalized_size: d + 5, output };
          if (backend.info.kind === 'cpu') backend.rms_norm(args);
          else rms_norm((backend as WebGpuBackend).context, args, isSerial);
          return output;
        });
        expect([...twins!.kernels]).toEqual([kernel]);
        expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      }
    });
  });

  it.each(SHAPES)('center_rows centres (%i, %i)', async (rows, d) => {
    const values = randomValues(rows * d, 3).map((x) => x + 2);
    const [found, expected] = await twins!.run((backend) => {
      const hidden_states = backend.fromArray(values, [rows, d], 'hidden_states');
      backend.center_rows({ hidden_states });
      return hidden_states;
    });
    expect(normalisedError(found, expected)).toBeLessThan(1e-11); // the mean of 2 cancels
  });
});
