/** Whole models whose matrices stay packed, on every backend, against the f64 reference with the same matrices as numbers. */
import { describe, expect, it } from 'vitest';
import type { PackedMatrix } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { backendsUnderTest } from '../src/backend/testing.ts';
import { createNodeCrew } from '../src/backend/wasm/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { decodeRate } from '../src/runtime/decode_rate.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { runRecipe } from './support/recipe_job.ts';
import { perplexity, relativeDifference, seededText, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(5, 600), evaluation: seededText(6, 600) };
const job = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 2, eval_samples: 4 });

const reference = createCpuBackend();
const model = await runRecipe(reference, job, 'embed:bits=8; rtn:bits=4,group=32');
const expected = await perplexity(reference, model, job.evaluation);

const backends = [
  ...(await backendsUnderTest()).filter(({ kind }) => kind === 'webgpu'),
  { kind: 'wasm on three threads', create: async () => createWasmBackend(await createNodeCrew(2)) },
];

describe.each(backends)('on $kind', ({ create }) => {
  it('a model in int4 has the perplexity of its numbers, and is multiplied as it is packed', async () => {
    const backend = await create();
    const packed = new Set<string>();
    const { pack } = backend;
    Object.assign(backend, {
      pack: (matrix: PackedMatrix, label: string) => {
        const tensor = pack?.call(backend, matrix, label);
        if (tensor) packed.add(label);
        return tensor;
      },
    });
    try {
      expect(relativeDifference(await perplexity(backend, model, job.evaluation), expected)).toBeLessThan(1e-5);
      expect(await decodeRate(backend, model)).toBeGreaterThan(0);
      const linears = model.layers.flatMap(({ attention: a, mlp }) => [a.q_proj, a.o_proj, mlp.up_proj, mlp.down_proj]);
      expect(linears.filter(({ weight }) => !packed.has(weight.name))).toEqual([]);
      expect(packed.has(model.lm_head.weight.name)).toBe(true);
    } finally {
      backend.dispose();
    }
  });
});
