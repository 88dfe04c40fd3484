import { describe, expect, it } from 'vitest';
import { naiveForward } from '../../test/onnx/naive_forward.ts';
import { tinyDecoder, tinyTokens, VOCAB_SIZE } from '../../test/onnx/tiny_decoder.ts';
import { createCpuBackend } from '../backend/cpu/cpu_backend.ts';
import { generate } from './generate.ts';

const PROMPT = tinyTokens(5);

/** Greedy tokens by the f64 reference. */
function expected(model: ReturnType<typeof tinyDecoder>, count: number): number[] {
  const text = [...PROMPT];
  for (let i = 0; i < count; i++) {
    const last = naiveForward(model, Uint32Array.from(text)).at(-1) as Float64Array;
    text.push(last.indexOf(Math.max(...last)));
  }
  return text.slice(PROMPT.length);
}

describe('generate', () => {
  it('takes the most likely token each time, as the f64 reference does', async () => {
    for (const options of [{ kv_heads: 2 }, { positions: 2, rotary: null, head: 'untied', head_bias: true }] as const) {
      const model = tinyDecoder(options);
      const seen: number[] = [];
      const backend = createCpuBackend();
      const tokens = await generate(backend, model, PROMPT, 6, { onToken: (token) => void seen.push(token) });
      expect(tokens).toEqual(expected(model, 6));
      expect(seen).toEqual(tokens);
      expect(backend.memory.currentBytes).toBe(0);
    }
  });

  it('ends with the end-of-text token', async () => {
    const model = tinyDecoder({ head: 'untied' });
    const all = expected(model, 6);
    const eos = all[2];
    const tokens = await generate(createCpuBackend(), model, PROMPT, 6, { eos: [VOCAB_SIZE + 1, eos] });
    expect(tokens).toEqual(all.slice(0, all.indexOf(eos) + 1));
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const run = generate(createCpuBackend(), tinyDecoder(), PROMPT, 6, {
      signal: controller.signal,
      onToken: () => controller.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('hears of a cancel that comes as a message, between tokens', async () => {
    const controller = new AbortController();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => controller.abort();
    const { signal } = controller;
    const onToken = () => port2.postMessage('cancel');
    const run = generate(createCpuBackend(), tinyDecoder(), PROMPT, 60, { signal, onToken });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    port1.close();
  });

  it('refuses an empty text, and more tokens than there are learned positions', async () => {
    const model = tinyDecoder({ positions: 2, rotary: null });
    const backend = createCpuBackend();
    await expect(generate(backend, model, [], 1)).rejects.toMatchObject({ code: 'bad_option' });
    const full = tinyTokens(128);
    await expect(generate(backend, model, full, 2)).rejects.toMatchObject({ code: 'bad_option' });
    expect(await generate(backend, model, full, 1)).toHaveLength(1);
  });
});
