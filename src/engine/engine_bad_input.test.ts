import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { failure, SLICE, source, started, TEXTS } from '../../test/support/test_engine.ts';
import { Engine } from './engine.ts';
import type { SlicegptOptions, TextSettings } from './protocol.ts';
import { slicingRecipe } from './slicing_recipe.ts';

describe('bad input', () => {
  const withSlice = (options: Partial<SlicegptOptions>) => async () =>
    (await started()).run('compress', slicingRecipe({ ...SLICE, ...options }));
  const withTexts = (texts: Partial<TextSettings>) => async () =>
    (await started()).run('set_texts', { ...TEXTS, ...texts });
  const asFile = (...parts: BlobPart[]): TextSettings['calibration'] => ({
    kind: 'file',
    file: new File(parts, 'text.txt'),
  });
  const poisoned = (pattern: RegExp, value: number) =>
    source({
      edit: (tensors) =>
        tensors.map((tensor) => {
          if (!pattern.test(tensor.name)) return tensor;
          const values = tensor.values.slice();
          values[5] = value;
          return { ...tensor, values };
        }),
    });

  const cases: [string, () => Promise<unknown>, string, RegExp][] = [
    ['sparsity 1', withSlice({ sparsity: 1 }), 'bad_option', /sparsity = 1\./],
    ['negative sparsity', withSlice({ sparsity: -0.1 }), 'bad_option', /sparsity = -0\.1\./],
    ['sparsity that is no number', withSlice({ sparsity: Number.NaN }), 'bad_option', /sparsity = NaN/],
    ['nothing left', withSlice({ sparsity: 0.99, round: 8 }), 'bad_option', /rounds down to none/],
    ['round 0', withSlice({ round: 0 }), 'bad_option', /round = 0/],
    ['an empty text', withTexts({ calibration: asFile('') }), 'bad_text', /empty/],
    ['white space', withTexts({ evaluation: asFile(' \n\t ') }), 'bad_text', /empty/],
    ['a binary file', withTexts({ calibration: asFile(new Uint8Array([1, 0, 2])) }), 'bad_text', /zero bytes/],
    ['UTF-16', withTexts({ calibration: asFile(new Uint8Array([0xff, 0xfe, 0x41, 0x00])) }), 'bad_text', /UTF-16/],
    [
      'broken UTF-8',
      withTexts({ calibration: asFile(new Uint8Array([0x41, 0xff, 0x41])) }),
      'bad_text',
      /not valid UTF-8/,
    ],
    [
      'a text that is too short',
      withTexts({ calibration: asFile('just a few words') }),
      'text_too_short',
      /tokens.*windows of 16; 4 were asked for/,
    ],
    ['windows longer than the model', withTexts({ seqlen: 4096 }), 'bad_option', /128 positions/],
    ['no windows', withTexts({ samples: 0 }), 'bad_option', /windows is 0/],
    [
      'NaN in a weight',
      async () =>
        (await started(memoryPlatform(), poisoned(/layers\.1\.mlp\.up_proj/, Number.NaN))).run('evaluate', {
          target: 'dense',
        }),
      'non_finite_weights',
      /1 of the weights/,
    ],
    [
      'an infinite weight',
      async () =>
        (await started(memoryPlatform(), poisoned(/layers\.0\.self_attn\.q_proj/, Number.POSITIVE_INFINITY))).run(
          'evaluate',
          { target: 'dense' },
        ),
      'non_finite_weights',
      /1 of the weights/,
    ],
    [
      'slicing a model with NaN in its attention',
      async () =>
        (await started(memoryPlatform(), poisoned(/layers\.0\.self_attn\.v_proj/, Number.NaN))).run(
          'compress',
          slicingRecipe(SLICE),
        ),
      'non_finite_weights',
      /1 of the weights/,
    ],
    [
      'slicing a model with NaN',
      async () =>
        (await started(memoryPlatform(), poisoned(/layers\.1\.mlp\.up_proj/, Number.NaN))).run(
          'compress',
          slicingRecipe(SLICE),
        ),
      'non_finite_weights',
      /1 of the weights/,
    ],
    [
      'an unknown slice',
      async () => (await started()).run('evaluate', { target: 'run-9' }),
      'bad_option',
      /no compressed model "run-9"/,
    ],
    [
      'slicing before opening',
      async () => new Engine(memoryPlatform()).run('compress', slicingRecipe(SLICE)),
      'bad_option',
      /No model is open/,
    ],
  ];
  it.each(cases)('%s', async (_, job, code, message) => {
    const error = await failure(job());
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it('finds NaN in an embedding row that no text uses, before it is exported', async () => {
    const engine = await started(
      memoryPlatform(),
      source({
        tied: false,
        edit: (tensors) =>
          tensors.map((tensor) => {
            if (!/embed_tokens/.test(tensor.name)) return tensor;
            const values = tensor.values.slice();
            values[values.length - 1] = Number.NaN;
            return { ...tensor, values };
          }),
      }),
    );
    const error = await failure(engine.run('compress', slicingRecipe(SLICE)));
    expect(error).toMatchObject({ code: 'non_finite_weights', place: { tensor: 'model.embed_tokens.weight' } });
  });

  it('names the tensor that is not finite', async () => {
    const engine = await started(memoryPlatform(), poisoned(/layers\.1\.mlp\.up_proj/, Number.NaN));
    const error = await failure(engine.run('evaluate', { target: 'dense' }));
    expect(error.place.tensor).toBe('model.layers.1.mlp.up_proj.weight');
    expect(error.action).toMatch(/fetch the model again/);
  });
});
