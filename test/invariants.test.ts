/** The promises of DESIGN.md that hold for every model and backend: fused = dense, rotated = dense, Q orthogonal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest, isFull } from '../src/backend/testing.ts';
import { constantDimensions, HEAD_KINDS, resolveHead } from '../src/compress/slicegpt/plan.ts';
import { calibrateDense, sliceWithBases } from '../src/compress/slicegpt/rotate_once.ts';
import type { WeightRef } from '../src/models/decoder_model.ts';
import { type TinyLlamaOptions, tinyLlama } from './fixtures/tiny_llama.ts';
import {
  compress,
  compressionContext,
  EXACT_SEQUENTIAL,
  perplexity,
  relativeDifference,
  seededText,
  type TestJob,
  testJob,
} from './support/slice_job.ts';

const MODELS: Record<string, TinyLlamaOptions> = {
  'tied, F32': { hidden_size: 32, intermediate_size: 40, num_attention_heads: 4, num_key_value_heads: 2 },
  'untied, biases, F16': {
    hidden_size: 24,
    num_attention_heads: 3,
    num_key_value_heads: 1,
    tied: false,
    attention_bias: true,
    mlp_bias: true,
    dtype: 'F16',
  },
  'odd sizes, BF16': {
    hidden_size: 18,
    intermediate_size: 21,
    num_attention_heads: 3,
    num_key_value_heads: 3,
    dtype: 'BF16',
  },
};
const SIZES = { seqlen: 24, samples: 6, eval_samples: 4 };
const TEXTS = { calibration: seededText(3, 400), evaluation: seededText(4, 400) };

/** Random embeddings of unit size would give losses of 15 nats, where half-precision rounding alone moves perplexity by 1e-3. */
const calm: TinyLlamaOptions['edit'] = (tensors) =>
  tensors.map((tensor) =>
    /embed_tokens|lm_head/.test(tensor.name) ? { ...tensor, values: tensor.values.map((value) => value / 8) } : tensor,
  );

/** The standard basis as a stored Q: with it, "slicing" nothing is fusion and nothing else. */
function identityRef(size: number): WeightRef {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
  return { name: 'I', dtype: 'F32', shape: [size, size], read: async () => new Uint8Array(values.buffer.slice(0)) };
}

for (const { kind, create } of await backendsUnderTest()) {
  describe(`invariants on ${kind}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend.dispose());

    for (const [name, options] of Object.entries(MODELS)) {
      describe(name, () => {
        let job: TestJob;
        let dense: number;
        beforeAll(async () => {
          job = await testJob(await tinyLlama({ ...options, edit: calm }), TEXTS, SIZES);
          dense = await perplexity(backend, job.model, job.evaluation);
        });

        it('fused = dense (relative 1e-4)', async () => {
          const context = compressionContext(backend, job);
          const { hidden_size: D, num_hidden_layers: L } = job.model.config;
          const calibrated = await calibrateDense(job.model, context);
          const identity = { ...calibrated, bases: calibrated.bases.map(() => identityRef(D)) };
          const fused = await sliceWithBases(
            job.model,
            'untied',
            constantDimensions({ num_hidden_layers: L, hidden_size: D, parallel: false }, D, 'untied'),
            identity,
            context,
          );
          expect(fused.model.norm.weight).toBeUndefined();
          expect(fused.model.layers.every((layer) => !layer.input_layernorm?.weight)).toBe(true);
          // F16 models store fused weights in F16 again: that rounding is the file's, not the fusion's.
          const bound = options.dtype ? 1e-3 : 1e-4;
          expect(relativeDifference(await perplexity(backend, fused.model, job.evaluation), dense)).toBeLessThan(bound);
        });

        it('rotated = dense (relative 1e-3), with every head and schedule, and every Q orthogonal', async () => {
          const tied = job.model.config.tie_word_embeddings;
          const heads = HEAD_KINDS.filter((head) => tied || !head.startsWith('tied'));
          const all = [...heads, resolveHead('auto', { tied, embedding_norm: 0, layer_norm: false })];
          for (const [at, head] of all.entries()) {
            for (const [turn, schedule] of (['sequential', 'rotate-once'] as const).entries()) {
              // The head and the schedule meet nowhere in the kernels: on a software adapter each head takes one schedule.
              if (kind === 'webgpu' && !isFull && at % 2 !== turn) continue;
              const compressed = await compress(backend, job, {
                ...EXACT_SEQUENTIAL,
                round: 1,
                sparsity: 0,
                schedule,
                head,
              });
              const found = await perplexity(backend, compressed.model, job.evaluation);
              expect(relativeDifference(found, dense), `${schedule}, ${head}`).toBeLessThan(1e-3);
              for (const { certificate, label } of compressed.sites) {
                expect(certificate.orthogonality_error, label).toBeLessThan(1e-5);
                expect(certificate.residual, label).toBeLessThan(1e-5);
              }
            }
          }
        });

        it('frees all device memory', async () => {
          const before = backend.memory.currentBytes;
          await compress(backend, job, { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.3 });
          await backend.sync();
          expect(backend.memory.currentBytes).toBe(before);
        });
      });
    }
  });
}
