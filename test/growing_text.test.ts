/** A text that grows token by token, with kept keys and values: every family's logits are transformers', and those of the whole text. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { backendsUnderTest } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { DecoderModel } from '../src/models/decoder_model.ts';
import { openModel } from '../src/models/open_model.ts';
import { withArena } from '../src/runtime/arena.ts';
import { GrowingText } from '../src/runtime/decode/growing_text.ts';
import { generate } from '../src/runtime/generate.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { families, family, familyFiles } from './fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from './support/golden.ts';

const LOGIT_BOUND = { cpu: 1e-6, wasm: 2e-5, webgpu: 2e-5 };
const FAMILIES = await families();
/** On WebGPU one of each kind of attention: a compiled pipeline is what takes time there. */
const ON_WEBGPU = /^(mistral|bloom|gemma2|phi)$/;

/** Rows of logits after the first `prompt` tokens and after each one more; rows before stay 0. */
function grown(backend: Backend, model: DecoderModel, ids: readonly number[], prompt: number, resident?: number) {
  return withArena(backend, async (arena) => {
    const text = new GrowingText(arena, model, ids.length, resident);
    const vocabulary = model.lm_head.weight.shape[0];
    const all = new Float32Array(ids.length * vocabulary);
    for (let at = 0; at < ids.length; ) {
      const next = Uint32Array.from(ids.slice(at, at === 0 ? prompt : at + 1));
      at += next.length;
      all.set(await text.append(next), (at - 1) * vocabulary);
      expect(text.length).toBe(at);
    }
    return all;
  });
}

describe.each(await backendsUnderTest())('on $kind', ({ kind, create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const chosen = FAMILIES.filter(({ name }) => kind !== 'webgpu' || ON_WEBGPU.test(name));
  it.each(chosen)('$name, token by token', async (of) => {
    const { model } = await openModel(await familyFiles(of));
    const before = backend.memory.currentBytes;
    for (const { input_ids, rows, logits } of of.runs) {
      const prompt = Math.ceil(input_ids.length / 3);
      const found = await grown(backend, model, input_ids, prompt);
      const seen = rows.map((row, i) => [row, logits[i]] as const).filter(([row]) => row >= prompt - 1);
      expect(seen.length).toBeGreaterThan(0);
      expect(
        worstLogit(
          found,
          seen.map(([row]) => row),
          seen.map(([, values]) => values),
        ),
      ).toBeLessThan(LOGIT_BOUND[kind]);
    }
    // Uniforms of the first call stay with the device.
    if (kind !== 'webgpu') expect(backend.memory.currentBytes).toBe(before);
  });
});

describe('what stays on the device', () => {
  it('changes no logit: all weights, some, none', async () => {
    const backend = createCpuBackend();
    const { model } = await openModel(await familyFiles(await family('llama')));
    const ids = Array.from({ length: 12 }, (_, i) => (7 * i) % model.config.vocab_size);
    const all = await grown(backend, model, ids, 5);
    for (const bytes of [0, 40_000]) expect(await grown(backend, model, ids, 5, bytes)).toEqual(all);
    const whole = await firstWindowLogits(backend, model, oneWindow(ids));
    const vocabulary = model.config.vocab_size;
    for (let i = 4 * vocabulary; i < whole.length; i++) expect(Math.abs(all[i] - whole[i])).toBeLessThan(1e-9);
  });

  it('holds for texts longer than a cache begins with', async () => {
    const backend = createWasmBackend();
    const { model } = await openModel(await familyFiles(await family('llama')));
    const ids = Array.from({ length: 200 }, (_, i) => (5 * i * i) % model.config.vocab_size);
    const found = await grown(backend, model, ids, 3);
    const whole = await firstWindowLogits(createCpuBackend(), model, oneWindow(ids));
    const vocabulary = model.config.vocab_size;
    const last = Array.from(whole.slice(-vocabulary));
    expect(worstLogit(found, [199], [last])).toBeLessThan(LOGIT_BOUND.wasm);
    backend.dispose();
  });
});

describe('sampling', () => {
  it('gives the same tokens for a seed, others for another, on both CPU backends', async () => {
    const { model } = await openModel(await familyFiles(await family('llama')));
    const sampling = { temperature: 1.5, top_k: 0, top_p: 1, seed: 7 };
    const made = (backend: Backend, seed: number) =>
      generate(backend, model, [1, 2, 3], 24, { sampling: { ...sampling, seed } });
    const wasm = createWasmBackend();
    const first = await made(createCpuBackend(), 7);
    expect(await made(wasm, 7)).toEqual(first);
    expect(await made(wasm, 8)).not.toEqual(first);
    wasm.dispose();
  });
});
