/** Models whose residual stream has massive activations: both schedules sum again without them, and certify what they did. */
import { afterAll, describe, expect, it } from 'vitest';
import { createNodeWebGpuBackend } from '../src/backend/testing.ts';
import { slicegpt } from '../src/compress/slicegpt/slicegpt.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { compressionContext, EXACT_SEQUENTIAL, seededText, testJob } from './support/slice_job.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

describe.skipIf(!backend)('massive activations on webgpu', () => {
  it.each(['sequential', 'rotate-once'] as const)('%s: every site is as good as f64', async (schedule) => {
    const hidden_size = 32;
    const files = await tinyLlama({
      hidden_size,
      intermediate_size: 40,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      // Every eighth token of the vocabulary points far along one direction that all channels share.
      edit: (tensors) =>
        tensors.map((tensor) => {
          if (!/embed_tokens/.test(tensor.name)) return tensor;
          const direction = (at: number) => Math.cos(3 * (at % hidden_size)) + 0.3;
          const isMassive = (at: number) => Math.floor(at / hidden_size) % 8 === 0;
          return {
            ...tensor,
            values: tensor.values.map((value, at) => value + (isMassive(at) ? 3e4 * direction(at) : 0)),
          };
        }),
    });
    const texts = { calibration: seededText(3, 400), evaluation: seededText(4, 400) };
    const job = await testJob(files, texts, { seqlen: 24, samples: 6, eval_samples: 2 });
    const steps = new Set<string>();
    const fractions: number[] = [];
    const context = {
      ...compressionContext(backend!, job),
      observer: {
        onProgress({ step, fraction }: { step: string; fraction: number }) {
          steps.add(step);
          fractions.push(fraction);
        },
      },
    };
    const before = backend!.memory.currentBytes;
    const options = { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.25, schedule };
    const { sites } = await slicegpt.compress(job.model, options, context);
    await backend!.sync();
    expect(backend!.memory.currentBytes).toBe(before);
    expect(sites.map(({ site }) => site)).toEqual([0, 1, 2, 3, 4]);
    for (const { certificate, label } of sites) {
      expect(certificate.verdict, label).toBe('as good as f64');
      expect(certificate.deflated, label).toBeGreaterThan(0);
      expect(certificate.kept_energy, label).toMatchObject({ kind: 'measured', dimension: 24 });
    }
    if (schedule === 'rotate-once') expect([...steps]).toContain('second pass without the dominant directions');
    // Slicing with bases starts its own count.
    const calibration = schedule === 'sequential' ? fractions : fractions.slice(0, fractions.lastIndexOf(1) + 1);
    expect(calibration).toEqual([...calibration].sort((a, b) => a - b));
  });
});
