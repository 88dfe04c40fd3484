/** Folders of onnxruntime-genai's builder against the same model opened from its Hugging Face files. */
import { describe, expect, it } from 'vitest';
import { storedWeights } from '../../src/models/decoder_model.ts';
import { openModel } from '../../src/models/open_model.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { expectBadInput } from '../bad_input.ts';
import { family, familyFiles } from '../fixtures/families/family_model.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { type GenaiOptions, genaiFiles } from './genai_like.ts';

const open = async (name: string, options?: GenaiOptions) => openModel(genaiFiles(await family(name), options));

/** Parts of a fused projection are named `qkv_proj.weight[q]`. */
const plainName = (name: string) => name.replace(/\w+_proj\.weight\[(\w+)\]$/, '$1_proj.weight');

describe.each(['llama', 'qwen2', 'qwen3', 'phi', 'phi3', 'gemma', 'gemma2'])('%s of the builder', (name) => {
  it.each(['with config.json', 'without'])('is the model that it was made from, %s', async (how) => {
    const fixture = await family(name);
    const expected = await openModel(await familyFiles(fixture));
    const config = how === 'without' ? [] : [{ path: 'config.json', blob: jsonBlob(fixture.config) }];
    const found = await openModel([...genaiFiles(fixture), ...config]);
    expect(found.warnings).toEqual([]);
    expect(found.config).toEqual(expected.config);
    const [weights, references] = [found, expected].map(({ model }) => storedWeights(model));
    expect(weights.map(({ name: each, shape }) => [plainName(each), shape])).toEqual(
      references.map(({ name: each, shape }) => [plainName(each), shape]),
    );
    for (const [i, weight] of weights.entries()) {
      const reference = decodeStored(await references[i].read(), 'F32');
      const values = decodeStored(await weight.read(), 'F32');
      // 1 was added to Gemma's norms in f32.
      const close = name.startsWith('gemma') ? 2 ** -23 : 0;
      expect(values.every((value, j) => Math.abs(value - reference[j]) <= close)).toBe(true);
      const rows = { start: 1, end: Math.min(5, weight.shape[0]) };
      const width = reference.length / weight.shape[0];
      expect(decodeStored(await weight.read(rows), 'F32')).toEqual(values.slice(width, rows.end * width));
    }
  });
});

describe('a folder of the builder without config.json', () => {
  it.each<[string, GenaiOptions, string[]]>([
    [
      'a type that it does not know',
      { edit: ({ model }) => Object.assign(model, { type: 'nemotron' }) },
      ['"nemotron"', 'gemma2'],
    ],
    ['no type', { edit: ({ model }) => Object.assign(model, { type: undefined }) }, ['"undefined"', 'model.type']],
    ['a scaled rotary embedding', { stretched: 0.25 }, ['scaled rotary']],
    ['windows', { attributes: { local_window_size: 16 } }, ['sliding windows']],
    ['rotary of neighbouring pairs', { attributes: { rotary_interleaved: 1 } }, ['neighbouring pairs']],
    ['another activation', { activation: 'Relu Relu' }, ['activation']],
  ])('is refused for %s', async (_, options, fragments) => {
    await expectBadInput(
      open('llama', options),
      'unknown_architecture',
      'genai_config.json',
      'config.json',
      ...fragments,
    );
  });

  it.each(['attn_logit_softcapping', 'final_logit_softcapping'])('is refused for any %s', async (key) => {
    const fixture = await family('llama');
    for (const cap of [0.5, 30]) {
      const capped = { ...fixture, config: { ...fixture.config, [key]: cap } };
      await expectBadInput(openModel(genaiFiles(capped)), 'unknown_architecture', 'caps scores or logits');
    }
  });

  it('is refused for a size that is none', async () => {
    const edit: GenaiOptions['edit'] = ({ model }) => Object.assign(model.decoder, { hidden_size: '24' });
    await expectBadInput(open('llama', { edit }), 'bad_config', 'genai_config.json', 'model.decoder.hidden_size');
  });
});
