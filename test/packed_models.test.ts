/** Whole models whose matrices stay packed, on every backend, against the f64 reference with the same matrices as numbers. */
import { describe, expect, it } from 'vitest';
import type { PackedMatrix, SparseMatrix, Tensor } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { backendsUnderTest } from '../src/backend/testing.ts';
import { createNodeCrew } from '../src/backend/wasm/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { runRecipe } from './support/recipe_job.ts';
import { perplexity, relativeDifference, seededText, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(5, 600), evaluation: seededText(6, 600) };
const job = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 2, eval_samples: 4 });

const reference = createCpuBackend();
const RECIPES = ['embed:bits=8; rtn:bits=4,group=32', 'embed:bits=8; magnitude:pattern=2:4'];

const backends = [
  ...(await backendsUnderTest()).filter(({ kind }) => kind === 'webgpu'),
  { kind: 'wasm on three threads', create: async () => createWasmBackend(await createNodeCrew(2)) },
  { kind: 'wasm by bytes', create: async () => createWasmBackend(await createNodeCrew(2), undefined, true) },
];

describe.each(backends)('on $kind', ({ create }) => {
  it.each(RECIPES)('%s has the perplexity of its numbers, and is multiplied as it is packed', async (recipe) => {
    const model = await runRecipe(reference, job, recipe);
    const expected = await perplexity(reference, model, job.evaluation);
    const backend = await create();
    const packed = new Set<string>();
    const noted = (label: string, tensor: Tensor | undefined) => {
      if (tensor) packed.add(label);
      return tensor;
    };
    const { pack, packSparse } = backend;
    Object.assign(backend, {
      pack: (matrix: PackedMatrix, label: string) => noted(label, pack?.call(backend, matrix, label)),
      packSparse: (matrix: SparseMatrix, label: string) => noted(label, packSparse?.call(backend, matrix, label)),
    });
    try {
      expect(relativeDifference(await perplexity(backend, model, job.evaluation), expected)).toBeLessThan(1e-5);
      // What a file's logits are compared with shows differences that rounded inputs would hide: they are multiplied as floats there.
      packed.clear();
      const logits = await firstWindowLogits(backend, model, job.evaluation);
      const exact = await firstWindowLogits(reference, model, job.evaluation);
      expect(Math.max(...logits.map((logit, i) => Math.abs(logit - exact[i])))).toBeLessThan(2e-5);
      expect(packed.size === 0).toBe(backend.info.roundsInputs === true);
      const { decode_tokens_per_second } = await evaluate(backend, model, job.evaluation, { measuresDecoding: true });
      expect(decode_tokens_per_second).toBeGreaterThan(0);
      const linears = model.layers.flatMap(({ attention: a, mlp }) => [a.q_proj, a.o_proj, mlp.up_proj, mlp.down_proj]);
      expect(linears.filter(({ weight }) => !packed.has(weight.name))).toEqual([]);
      expect(packed.has(model.lm_head.weight.name)).toBe(true);
    } finally {
      backend.dispose();
    }
  });
});
