/** Models whose weights are finite and whose activations are not: named by layer and channel, whatever meets them first. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest } from '../src/backend/testing.ts';
import { evaluate } from '../src/runtime/perplexity.ts';
import { type TinyTensor, tinyLlama } from './fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from './support/slice_job.ts';

const D = 32;
const CHANNEL = 5;
const TEXTS = { calibration: seededText(3, 200), evaluation: seededText(4, 200) };

/** Multiplies the rows (or one row) of a weight. */
function scaled(tensors: TinyTensor[], name: string, factor: number, row?: number): TinyTensor[] {
  return tensors.map((tensor) => {
    if (!tensor.name.endsWith(name)) return tensor;
    const columns = tensor.shape[1];
    const isHit = (at: number) => row === undefined || Math.floor(at / columns) === row;
    return { ...tensor, values: tensor.values.map((value, at) => (isHit(at) ? value * factor : value)) };
  });
}

const job = async (edit: (tensors: TinyTensor[]) => TinyTensor[]) =>
  testJob(
    await tinyLlama({ hidden_size: D, intermediate_size: 40, num_hidden_layers: 3, num_attention_heads: 4, edit }),
    TEXTS,
    { seqlen: 16, samples: 4, eval_samples: 3 },
  );

/** One channel of the MLP of layer 1 goes beyond f32; the others stay where their squares do not. */
const overflowing = (tensors: TinyTensor[]) =>
  scaled(scaled(tensors, 'layers.1.mlp.up_proj.weight', 1e14), 'layers.1.mlp.down_proj.weight', 1e28, CHANNEL);

// The reference computes in f64, where nothing of this overflows.
const inSingle = (await backendsUnderTest()).filter(({ kind }) => kind !== 'cpu');

for (const { kind, create } of inSingle) {
  describe(`activations that overflow on ${kind}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend.dispose());

    it('stop an evaluation and are named by layer, place, channel and token', async () => {
      const { model, evaluation } = await job(overflowing);
      const before = backend.memory.currentBytes;
      await expect(evaluate(backend, model, evaluation)).rejects.toMatchObject({
        code: 'non_finite_activations',
        message: expect.stringMatching(
          /first in the output of its MLP of layer 1, channel 5, at token \d+ of window 1\.$/,
        ),
        place: { layer: 1 },
      });
      await backend.sync();
      expect(backend.memory.currentBytes).toBe(before);
    });

    it('are found where they arise in attention', async () => {
      const { model, evaluation } = await job((tensors) =>
        scaled(scaled(tensors, 'layers.2.self_attn.v_proj.weight', 1e22), 'layers.2.self_attn.o_proj.weight', 1e25, 7),
      );
      await expect(evaluate(backend, model, evaluation)).rejects.toMatchObject({
        message: expect.stringMatching(/first in the output of its attention of layer 2, channel 7, /),
        place: { layer: 2 },
      });
    });

    it.each(['sequential', 'rotate-once'] as const)(
      'stop a %s slicing at their site, and name the channel',
      async (schedule) => {
        const { model, calibration, evaluation } = await job(overflowing);
        const before = backend.memory.currentBytes;
        const options = { ...EXACT_SEQUENTIAL, sparsity: 0.25, schedule };
        await expect(compress(backend, { model, calibration, evaluation }, options)).rejects.toMatchObject({
          code: 'non_finite_activations',
          message: expect.stringMatching(/ layer 1 output .* in channel 5\.$/),
          place: { layer: 1 },
        });
        await backend.sync();
        expect(backend.memory.currentBytes).toBe(before);
      },
    );
  });
}
