/** The logits of a text's first tokens, alone and with what follows, by the reference backend. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder, tinyTokens, VOCAB_SIZE } from '../../test/onnx/tiny_decoder.ts';
import { VARIANTS } from '../../test/onnx/variants.ts';
import { createCpuBackend } from '../backend/cpu/cpu_backend.ts';
import { firstWindowLogits } from '../runtime/perplexity.ts';
import type { DecoderModel } from './decoder_model.ts';
import { type InputQuantization, mapInputs } from './input_quantization.ts';
import { ignoresWhatFollows } from './prefix.ts';

const LENGTH = 16;
const PART = 8;
const IDS = tinyTokens(LENGTH);

function logits(model: DecoderModel, tokens: number): Promise<Float32Array> {
  const windows = { seqlen: tokens, count: 1, ids: IDS.subarray(0, tokens), totalTokens: tokens };
  return firstWindowLogits(createCpuBackend(), model, windows);
}

/** Greatest difference over the first {@link PART} tokens. */
async function difference(model: DecoderModel): Promise<number> {
  const [part, whole] = await Promise.all([logits(model, PART), logits(model, LENGTH)]);
  expect(part).toHaveLength(PART * VOCAB_SIZE);
  return part.reduce((most, value, i) => Math.max(most, Math.abs(value - whole[i])), 0);
}

/** Every linear of a decoder reads rounded inputs. */
const rounded = (input: InputQuantization) => {
  const plain = tinyDecoder({});
  const first = { kind: 'token', bits: 8 } as const;
  const withInputs = plain.layers.map((layer) => ({
    ...layer,
    mlp: { ...layer.mlp, up_proj: { ...layer.mlp.up_proj, input: first } },
  }));
  return mapInputs({ ...plain, layers: withInputs }, () => input);
};

describe('what follows a text', () => {
  it.each(Object.entries(VARIANTS))('changes nothing before it where that is said: %s', async (name, options) => {
    const model = tinyDecoder(options);
    const isSaid = ignoresWhatFollows(model, PART, LENGTH);
    // Its other frequencies are chosen from the ninth token on.
    expect(isSaid).toBe(name !== 'Phi-3: longrope, text beyond the first length');
    if (isSaid) expect(await difference(model)).toBeLessThan(1e-5);
    else expect(await difference(model)).toBeGreaterThan(1e-3);
  });

  it('changes nothing for a text that is within the first length with it, or beyond it without', () => {
    const model = tinyDecoder(VARIANTS['Phi-3: longrope, text beyond the first length']);
    expect(
      [
        [8, 16],
        [8, 9],
        [4, 8],
        [9, 16],
      ].map(([part, whole]) => ignoresWhatFollows(model, part, whole)),
    ).toEqual([false, false, true, true]);
  });

  it('changes nothing for inputs that are rounded a token, and features that are floats by any token', async () => {
    const each = rounded({ kind: 'token', bits: 8 });
    expect(ignoresWhatFollows(each, PART, LENGTH)).toBe(true);
    expect(await difference(each)).toBeLessThan(1e-5);
    const kept = rounded({ kind: 'token', bits: 4, keep_above: 1.5 });
    expect(ignoresWhatFollows(kept, PART, LENGTH)).toBe(false);
    expect(await difference(kept)).toBeGreaterThan(1e-3);
  });
});
