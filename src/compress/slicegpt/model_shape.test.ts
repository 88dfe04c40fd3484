import { describe, expect, it } from 'vitest';
import { type TinyLlamaOptions, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { countParameters } from '../../models/model_size.ts';
import { openModel } from '../../models/open_model.ts';
import { modelShape, partSizes } from './model_shape.ts';
import { totalElements } from './parts.ts';

const open = async (options: TinyLlamaOptions) => openModel(await tinyLlama(options));

describe('modelShape', () => {
  it('counts every element in exactly one part', async () => {
    for (const tied of [true, false]) {
      const { model } = await open({ tied, attention_bias: true, mlp_bias: true });
      expect(totalElements(partSizes(model))).toBe(countParameters(model));
    }
  });

  it('says what the plan needs', async () => {
    const { model } = await open({ attention_bias: true, head_dim: 6, tied: false, dtype: 'BF16' });
    expect(modelShape(model)).toMatchObject({
      hidden_size: 16,
      query_size: 24,
      key_value_size: 12,
      tied: false,
      attention_bias: { q: true, k: true, v: true, o: true },
      mlp_bias: { gate: false, up: false, down: false },
      bytes_per_element: 2,
      dense: { embedding: 264 * 16, head: 264 * 16, shortcuts: 0, norms: 5 * 16 },
    });
  });
});
