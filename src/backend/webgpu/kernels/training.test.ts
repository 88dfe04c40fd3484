/**
 * Every kernel of the reverse pass against its f64 twin: attention_statistics, attention_backward_query,
 * attention_backward_key, rms_norm_backward, layer_norm_backward, glu_backward, activation_backward, xielu_backward,
 * clip_backward, cross_entropy_backward, divergence, divergence_backward, column_sums, scatter_add, adamw, fake_quantize,
 * fake_quantize_backward, scale_groups and group_sums.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { GRID_KERNEL_CASES } from '../../grid_cases.ts';
import { normalisedError, openTwins } from '../../testing.ts';
import { TRAINING_CASES } from '../../training_cases.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** f32 sums of up to 200 terms, and exponentials, against f64. */
const BOUND = 1e-11;

describe.skipIf(!twins)('gradients against their f64 twins', () => {
  it.each([...TRAINING_CASES, ...GRID_KERNEL_CASES])('$name', async ({ kernels, outputs }) => {
    const { webgpu, cpu, kernels: ran } = twins!;
    (ran as Set<string>).clear();
    const [found, expected] = [outputs(webgpu), outputs(cpu)];
    expect([...ran]).toEqual(expect.arrayContaining([...kernels]));
    for (const [i, tensor] of found.entries()) {
      expect(normalisedError(await webgpu.read(tensor), await cpu.read(expected[i]))).toBeLessThan(BOUND);
    }
  });
});
