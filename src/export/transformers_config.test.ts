import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../test/onnx/tiny_decoder.ts';
import { generationConfig, transformersConfig } from './transformers_config.ts';

const RAW = { model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 24, eos_token_id: 2 };

function ofType(model_type: string) {
  const model = tinyDecoder({ kv_heads: 1 });
  return { ...model, config: { ...model.config, model_type } };
}

describe('transformersConfig', () => {
  it('keeps the original and names the numbers of the weights', () => {
    const config = transformersConfig(RAW, tinyDecoder(), 'int4', ['onnx/model_q4.onnx']);
    expect(config).toEqual({ ...RAW, num_hidden_layers: 2, 'transformers.js_config': { dtype: 'q4' } });
  });

  it('says how many external files there are', () => {
    const names = ['onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model.onnx_data_1'];
    const config = transformersConfig(RAW, tinyDecoder(), 'stored', names);
    expect(config['transformers.js_config']).toEqual({
      dtype: 'fp32',
      use_external_data_format: { 'model.onnx': 2 },
    });
  });

  it('gives the number of layers where transformers.js looks for it', () => {
    expect(transformersConfig({}, ofType('bloom'), 'f32', [])).toMatchObject({ n_layer: 2 });
    expect(transformersConfig({ n_layer: 2 }, ofType('falcon'), 'f32', [])).toMatchObject({ num_hidden_layers: 2 });
  });

  it("does not let Falcon's multi_query pass for a joint cache", () => {
    const config = transformersConfig({ model_type: 'falcon', multi_query: true }, ofType('falcon'), 'f32', []);
    expect(config).toMatchObject({ multi_query: false, num_kv_heads: 1 });
  });

  it('takes the text part of a multimodal config', () => {
    const text_config = { model_type: 'gemma3_text', hidden_size: 24 };
    const raw = { model_type: 'gemma3', architectures: ['X'], text_config, vision_config: {}, eos_token_id: 1 };
    const config = transformersConfig(raw, ofType('gemma3_text'), 'f16', []);
    expect(config).toMatchObject({ ...text_config, architectures: ['Gemma3ForCausalLM'], eos_token_id: 1 });
    expect(config).not.toHaveProperty('vision_config');
    expect(generationConfig(raw)).toMatchObject({ eos_token_id: 1 });
  });

  it.each([
    ['mistral', 'MistralForCausalLM'],
    ['ministral3', 'Ministral3ForCausalLM'],
  ])('takes the %s inside Mistral 3', (model_type, architecture) => {
    const text_config = { model_type, hidden_size: 24, vocab_size: 9 };
    const images = { vision_config: {}, image_token_index: 10, spatial_merge_size: 2, vision_feature_layer: -1 };
    const raw = { model_type: 'mistral3', architectures: ['X'], text_config, ...images, bos_token_id: 1 };
    const {
      num_hidden_layers: _,
      'transformers.js_config': __,
      ...config
    } = transformersConfig(raw, ofType(model_type), 'f16', []);
    const outer = { architectures: [architecture], tie_word_embeddings: true, bos_token_id: 1 };
    expect(config).toEqual({ ...text_config, ...outer });
  });
});

describe('generationConfig', () => {
  it('is the one of the source where there is one', () => {
    expect(generationConfig(RAW, { eos_token_id: [0, 5] })).toEqual({ eos_token_id: [0, 5] });
  });

  it('is made from the special tokens of config.json otherwise', () => {
    const raw = { bos_token_id: 1, eos_token_id: [2, 3], pad_token_id: null, temperature: 0.7, unk: 0 };
    expect(generationConfig(raw)).toEqual({ _from_model_config: true, bos_token_id: 1, eos_token_id: [2, 3] });
    expect(generationConfig({ eos_token_id: 'x', bos_token_id: -1 })).toEqual({ _from_model_config: true });
  });
});
