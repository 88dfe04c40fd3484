/** What is compiled ahead is what a job uses: with other overrides it would be compiled a second time, when it is waited for. */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from '../../../test/support/slice_job.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from '../../runtime/compare.ts';
import { createNodeGpu } from '../testing.ts';
import { COMPILED_AHEAD, compileAhead } from './compile_ahead.ts';
import { createWebGpuBackend } from './webgpu_backend.ts';

// Devices of their own: a shared one has compiled what other tests used.
const gpu = await createNodeGpu();
const backend = gpu && (await createWebGpuBackend(gpu));
afterAll(() => backend?.dispose());

const TEXTS = { calibration: seededText(5, 900), evaluation: seededText(6, 900) };

describe.skipIf(!backend?.context.prefersWideTiles)('kernels compiled ahead', () => {
  it('are those that slicing and measuring a model with heads of 32 uses, and are compiled once', async () => {
    const { device } = backend!.context;
    const beside = vi.spyOn(device, 'createComputePipelineAsync');
    await compileAhead(backend!.context).all;
    expect(beside.mock.calls.map(([{ label }]) => label).sort()).toEqual([...COMPILED_AHEAD].sort());

    const compiled = vi.spyOn(device, 'createComputePipeline');
    const dispatched = vi.spyOn(backend!.context, 'dispatch');
    const sizes = { hidden_size: 96, num_attention_heads: 3, num_key_value_heads: 3, intermediate_size: 128 };
    const files = await tinyLlama({ ...sizes, head_dim: 32, tied: true });
    const job = await testJob(files, TEXTS, { seqlen: 64, samples: 2, eval_samples: 2 });
    const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), 64);
    await evaluateDense(backend!, job.model, job.evaluation, inputs);
    const { model } = await compress(backend!, job, { sparsity: 0.25, ...EXACT_SEQUENTIAL, head: 'tied' });
    await evaluateBeside(backend!, job.model, inputs, model, job.evaluation);
    await inputs.clear();

    const used = new Set(dispatched.mock.calls.map(([{ name }]) => name));
    expect(COMPILED_AHEAD.filter((name) => !used.has(name))).toEqual([]);
    const again = compiled.mock.calls.map(([{ label }]) => label as string);
    expect(again.filter((name) => COMPILED_AHEAD.includes(name))).toEqual([]);
    expect(again.length).toBeGreaterThan(0);
  });

  it('leave what does not compile for its first use to tell', async () => {
    const other = await createWebGpuBackend(gpu!);
    vi.spyOn(other.context.device, 'createComputePipelineAsync').mockRejectedValue(new Error('no'));
    await compileAhead(other.context).all;
    const a = other.fromArray([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], 'a');
    const b = other.fromArray(new Float32Array(128).fill(1), [32, 4], 'b');
    const output = other.empty([2, 32], 'output');
    other.matmul_bt({ a, b, output });
    expect([...(await other.read(output))]).toEqual([...Array(32).fill(10), ...Array(32).fill(26)]);
    other.dispose();
  });
});
