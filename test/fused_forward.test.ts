/** The forward pass with norms, gates and sums inside products, against the same layers with a kernel for each of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../src/backend/backend.ts';
import { backendsUnderTest, normalisedError } from '../src/backend/testing.ts';
import type { DecoderModel, WeightRef } from '../src/models/decoder_model.ts';
import { withArena } from '../src/runtime/arena.ts';
import { type PassObserver, runLayers } from '../src/runtime/model_pass.ts';
import { WeightLoader } from '../src/runtime/weights.ts';
import { family } from './fixtures/families/family_model.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { familyJob } from './support/golden.ts';
import { compress, EXACT_SEQUENTIAL, seededText, type TestJob, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(5, 400), evaluation: seededText(6, 400) };
const SIZES = { seqlen: 24, samples: 4, eval_samples: 2 };
const tiny = async () => testJob(await tinyLlama({ hidden_size: 40, intermediate_size: 52 }), TEXTS, SIZES);
const parallel = async () => familyJob(await family('gptj'));

/** [name, job, sliced, whether the layers have a gate]. */
const MODELS = [
  ['a dense model', tiny, false, true],
  ['a sliced model', tiny, true, true],
  ['a dense parallel model', parallel, false, false],
  ['a sliced parallel model', parallel, true, false],
] as const;

/** The backend with its calls of some kernels counted. */
function counted(backend: Backend): { backend: Backend; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const observed = new Proxy(backend, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return value.apply(target, args);
      };
    },
  });
  return { backend: observed, calls };
}

/** The same function of the input, in layers that leave nothing to fuse: biases of zeros, a multiplier that rounds to 1. */
function unfused(model: DecoderModel): DecoderModel {
  const layers = model.layers.map((layer) => {
    const { up_proj } = layer.mlp;
    const rows = up_proj.weight.shape[0];
    const zeros: WeightRef = {
      ...{ name: 'zeros', dtype: 'F32', shape: [rows] },
      read: async () => new Uint8Array(4 * rows),
    };
    const mlp = { ...layer.mlp, up_proj: { ...up_proj, bias: up_proj.bias ?? zeros } };
    return { ...layer, mlp, residual_multiplier: 1 + 2 ** -40 };
  });
  return { ...model, layers };
}

describe.each(await backendsUnderTest())('the forward pass on $kind', ({ kind, create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  function states(on: Backend, model: DecoderModel, { evaluation }: TestJob, observer?: PassObserver) {
    return withArena(on, async (arena) => {
      const batches = [{ first: 0, count: evaluation.count }];
      const [hidden] = await runLayers(arena, new WeightLoader(arena), model, evaluation, batches, observer);
      return on.read(hidden);
    });
  }

  it.each(MODELS)('of %s is that of separate kernels', async (_, open, isSliced, isGated) => {
    const job = await open();
    const sliced = () => compress(backend, job, { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.2 });
    const model = isSliced ? (await sliced()).model : job.model;
    const [one, other] = [counted(backend), counted(backend)];
    const found = await states(one.backend, model, job);
    // Whoever taps gets normed states.
    const expected = await states(other.backend, unfused(model), job, { onTap() {} });
    // The multiplier is 1 in f32 only.
    expect(normalisedError(found, expected)).toBeLessThan(kind === 'cpu' ? 1e-20 : 1e-11);
    const layers = model.layers.length;
    const halves = model.layers[0].parallel ? 1 : 2;
    const norms = (calls: Record<string, number>) => (calls.rms_norm ?? 0) + (calls.layer_norm ?? 0);
    expect(norms(one.calls)).toBe(isSliced ? 0 : norms(other.calls));
    expect(norms(other.calls)).toBeGreaterThanOrEqual(layers * halves);
    expect([one.calls.add ?? 0, other.calls.add]).toEqual([0, 2 * layers]);
    expect([one.calls.glu ?? 0, other.calls.glu ?? 0]).toEqual([0, isGated ? layers : 0]);
  });

  it('gives taps the normed states', async () => {
    const job = await tiny();
    const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.2 });
    const kept: Promise<ArrayLike<number>>[] = [];
    const copies: Tensor[] = [];
    const keep = (tensor: Tensor) => {
      copies.push(tensor);
      kept.push(backend.read(tensor));
    };
    await states(backend, model, job, {
      onTap(layer, name, tapped) {
        const copy = backend.empty(tapped.shape, name);
        if (name === 'attention_input' || name === 'mlp_input') {
          backend.copy(tapped, copy);
          keep(copy);
        } else if (name === 'residual' || name === 'mlp_residual') {
          const { input_layernorm, post_attention_layernorm } = model.layers[layer];
          const norm = name === 'residual' ? input_layernorm : post_attention_layernorm;
          const { eps, normalized_size } = norm as { eps: number; normalized_size: number };
          backend.rms_norm({ hidden_states: tapped, eps, normalized_size, output: copy });
          keep(copy);
        } else copy.dispose();
      },
    });
    const values = await Promise.all(kept);
    expect(values.length).toBe(4 * model.layers.length);
    for (let i = 0; i < values.length; i += 2) expect(Array.from(values[i])).toEqual(Array.from(values[i + 1]));
    for (const copy of copies) copy.dispose();
  });
});
