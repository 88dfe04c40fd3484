import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { assertVerifiable } from './verifiable.ts';

/** The model with a head, or an MLP matrix, of another shape: nothing is read. */
function shaped(shape: [number, number], where: 'head' | 'mlp'): DecoderModel {
  const model = tinyDecoder({ head: 'untied' });
  if (where === 'head') return { ...model, lm_head: { weight: { ...model.lm_head.weight, shape } } };
  const [first, ...rest] = model.layers;
  const up_proj = { weight: { ...first.mlp.up_proj.weight, shape } };
  return { ...model, layers: [{ ...first, mlp: { ...first.mlp, up_proj } }, ...rest] };
}

describe('assertVerifiable', () => {
  it('takes heads of any size, and matrices of the largest models that people have', () => {
    // Llama 3.1 405B: 128,256 tokens, hidden size 16,384, MLP 53,248: 3.5 GB in f32 is more than a session holds.
    expect(() => assertVerifiable(shaped([128_256, 16_384], 'head'), 256)).not.toThrow();
    expect(() => assertVerifiable(shaped([28_672, 8192], 'mlp'), 2048)).not.toThrow();
  });

  it('refuses a matrix that no session holds, with its name', () => {
    expect(() => assertVerifiable(shaped([53_248, 16_384], 'mlp'), 256)).toThrow(
      expect.objectContaining({
        code: 'limit_exceeded',
        message: expect.stringMatching(/\[53248, 16384\] takes 3\.5 GB/),
      }),
    );
  });

  it('refuses windows whose scores or logits are too large, and says how long they may be', () => {
    const model = tinyDecoder();
    expect(() => assertVerifiable(model, 6000)).not.toThrow();
    expect(() => assertVerifiable(model, 10_000)).toThrow(
      expect.objectContaining({ code: 'bad_option', allowed: expect.stringMatching(/at most 6454 tokens/) }),
    );
    expect(() => assertVerifiable(shaped([262_144, 8], 'head'), 1024)).toThrow(
      expect.objectContaining({ code: 'bad_option', message: expect.stringContaining('logits') }),
    );
  });
});
