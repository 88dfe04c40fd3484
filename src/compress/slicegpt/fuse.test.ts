/** What fusion makes of norms that are there, and of those that are not. */
import { expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { applyFusion } from './fuse.ts';

it('official puts its eps into every norm that a layer has, and adds none', () => {
  const plain = tinyDecoder();
  const layers = plain.layers.map((layer, i) => ({
    ...layer,
    input_layernorm: layer.input_layernorm && { ...layer.input_layernorm, eps: 1e-6 },
    ...(i > 0 && { post_attention_layernorm: undefined }),
  }));
  const model = { ...plain, layers, norm: { ...plain.norm, eps: 1e-6 } };
  const made = applyFusion(model, 'official');
  expect(made.norm).toEqual({ ...model.norm, eps: 1e-5 });
  expect(made.embed_tokens.centered).toBe(true);
  for (const [i, layer] of made.layers.entries()) {
    expect(layer.input_layernorm).toEqual({ ...model.layers[i].input_layernorm, eps: 1e-5 });
    if (i === 0) expect(layer.post_attention_layernorm?.eps).toBe(1e-5);
    else expect(layer.post_attention_layernorm).toBeUndefined();
  }
  expect(applyFusion(model, 'exact').layers).toEqual(model.layers);
});
