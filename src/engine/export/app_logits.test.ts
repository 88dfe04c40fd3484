/** That the app's logits are computed beside other work, and that nothing of them is left whatever becomes of it. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder, tinyTokens, VOCAB_SIZE } from '../../../test/onnx/tiny_decoder.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { evaluate, KEPT_WINDOWS, windowLogits } from '../../runtime/perplexity.ts';
import type { EngineState } from '../state.ts';
import { AppLogits } from './app_logits.ts';

const SEQLEN = 12;

function setting() {
  const backend = createCpuBackend();
  const evaluation = { seqlen: SEQLEN, count: 3, ids: tinyTokens(3 * SEQLEN), totalTokens: 3 * SEQLEN };
  const state = { requireBackend: () => backend, requireTexts: () => ({ evaluation }) } as unknown as EngineState;
  return { backend, evaluation, state, model: tinyDecoder() };
}

describe('the app’s logits', () => {
  it.each([0, 1])('are those of window %i', async (window) => {
    const { backend, evaluation, state, model } = setting();
    const app = new AppLogits(state, model, new AbortController().signal);
    const found = await app.get(window);
    expect(found).toHaveLength(SEQLEN * VOCAB_SIZE);
    expect(found).toEqual(await windowLogits(backend, model, evaluation, window));
    expect(await app.get(window)).toBe(found);
    await app.end();
    expect(backend.memory.currentBytes).toBe(0);
  });

  it('are the same from what the head read when the model was measured, kept of windows that are not long', async () => {
    const { backend, evaluation, state, model } = setting();
    const read: Float32Array[] = [];
    await evaluate(backend, model, evaluation, {
      onHeadInput: (window, values) => {
        read[window] = values;
      },
    });
    expect(read).toHaveLength(KEPT_WINDOWS);
    const app = new AppLogits(state, model, new AbortController().signal, read);
    for (const [window, head_input] of read.entries()) {
      expect(head_input).toHaveLength(SEQLEN * model.lm_head.weight.shape[1]);
      const found = await app.get(window);
      const all = await windowLogits(backend, model, evaluation, window);
      expect(found).toHaveLength(all.length);
      // The reference backend rounds what it gives to f32.
      expect(found.every((value, i) => Math.abs(value - all[i]) < 1e-5)).toBe(true);
    }
    await app.end();
    expect(backend.memory.currentBytes).toBe(0);
  });

  it('let go of their tensors where the file failed and nobody asks for them', async () => {
    const { backend, state, model } = setting();
    const app = new AppLogits(state, model, new AbortController().signal);
    await app.end();
    expect(backend.memory.currentBytes).toBe(0);
    await expect(app.get(0)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it.each(['before', 'while'] as const)('are cancelled with their export, %s they are computed', async (when) => {
    const { backend, state, model } = setting();
    const export_job = new AbortController();
    if (when === 'before') export_job.abort();
    const app = new AppLogits(state, model, export_job.signal);
    export_job.abort();
    await expect(app.get(0)).rejects.toMatchObject({ code: 'cancelled' });
    await app.end();
    expect(backend.memory.currentBytes).toBe(0);
  });
});
