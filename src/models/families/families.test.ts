import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import type { TinyTensor } from '../../../test/fixtures/tiny_llama.ts';
import type { DecoderConfig } from '../architecture.ts';
import { findArchitecture } from '../find_architecture.ts';
import { openModel } from '../open_model.ts';
import { ARCHITECTURES } from './families.ts';

const SIZES = {
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 100,
  max_position_embeddings: 256,
};

function read(model_type: string, own: Record<string, unknown> = {}): DecoderConfig {
  const raw = { model_type, ...SIZES, ...own };
  return findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
}

const windows = (config: DecoderConfig) => config.layers.map(({ sliding_window }) => sliding_window ?? 0);
/** Of each layer, the frequency of the second pair; 0 without rotary. */
const speeds = (config: DecoderConfig) => config.layers.map(({ rotary }) => rotary?.inv_freq[1] ?? 0);
const theta = (base: number, head_dim: number) => base ** (-2 / head_dim);

describe('families', () => {
  it('have a name each, and no model type twice', () => {
    const types = ARCHITECTURES.flatMap(({ model_types }) => model_types);
    expect(new Set(types).size).toBe(types.length);
    expect(new Set(ARCHITECTURES.map((each) => each.family)).size).toBe(ARCHITECTURES.length);
  });

  it('Mistral: every layer has the window, null means none, missing means 4096', () => {
    expect(windows(read('mistral', { sliding_window: 16 }))).toEqual(Array(8).fill(16));
    expect(windows(read('mistral', { sliding_window: null }))).toEqual(Array(8).fill(0));
    expect(windows(read('mistral'))).toEqual(Array(8).fill(4096));
  });

  it('Qwen 2: windows only where they are switched on, from max_window_layers or by layer_types', () => {
    const own = { sliding_window: 16, max_window_layers: 5 };
    expect(windows(read('qwen2', own))).toEqual(Array(8).fill(0));
    expect(windows(read('qwen2', { ...own, use_sliding_window: true }))).toEqual([0, 0, 0, 0, 0, 16, 16, 16]);
    const layer_types = Array.from({ length: 8 }, (_, i) => (i === 2 ? 'sliding_attention' : 'full_attention'));
    expect(windows(read('qwen2', { ...own, use_sliding_window: true, layer_types }))[2]).toBe(16);
    expect(windows(read('qwen2', { ...own, use_sliding_window: true, layer_types }))[7]).toBe(0);
    expect(read('qwen2').attention.bias).toEqual({ q: true, k: true, v: true, o: false });
  });

  it('Qwen 3: heads of 128 unless the config says otherwise, normed each alone', () => {
    expect(read('qwen3').head_dim).toBe(128);
    expect(read('qwen3', { head_dim: 32 }).attention).toMatchObject({
      head_norm: 'per_head',
      scale: 1 / Math.sqrt(32),
    });
  });

  it('GPT-NeoX: rotary_emb_base and rotary_pct, not the names of other families beside them', () => {
    const rotary = (own: object) =>
      read('gpt_neox', { rotary_emb_base: 100, rotary_pct: 0.5, ...own }).layers[0].rotary;
    expect(rotary({ rope_theta: 7, partial_rotary_factor: 1 })).toEqual(rotary({}));
    expect(rotary({})?.inv_freq[1]).toBe(theta(100, 8));
    const scaled = { rope_type: 'default', rope_theta: 7, partial_rotary_factor: 1 };
    expect(rotary({ rope_parameters: scaled })?.inv_freq[1]).toBe(theta(7, 16));
  });

  it('StarCoder2: heads may be wider than their share of the hidden size', () => {
    expect(read('starcoder2').head_dim).toBe(16);
    expect(read('starcoder2', { head_dim: 32 })).toMatchObject({
      head_dim: 32,
      attention: { scale: 1 / Math.sqrt(32) },
    });
  });

  it('SmolLM3: every fourth layer has no rotary', () => {
    const fast = theta(2_000_000, 16);
    expect(speeds(read('smollm3'))).toEqual([fast, fast, fast, 0, fast, fast, fast, 0]);
    expect(speeds(read('smollm3', { no_rope_layers: [0, 1, 1, 1, 1, 1, 1, 1], rope_theta: 100 }))[0]).toBe(0);
    expect(windows(read('smollm3', { use_sliding_window: true, sliding_window: 9 }))).toEqual([0, 0, 0, 9, 0, 0, 0, 9]);
  });

  it('Gemma 1: "gelu" means the tanh approximation, and embeddings are scaled', () => {
    for (const own of [{ hidden_act: 'gelu' }, { hidden_act: 'gelu', hidden_activation: null }, {}]) {
      const config = read('gemma', own);
      expect(config.mlp.activation).toBe('gelu_tanh');
      expect(config).toMatchObject({ tie_word_embeddings: true, head_dim: 256, embedding: { scale: 8 } });
      expect(config.norm.weight_offset).toBe(1);
    }
  });

  it('Gemma 2: the first layer slides, then every other; caps unless they are null', () => {
    const config = read('gemma2', { sliding_window: 32, query_pre_attn_scalar: 144 });
    expect(windows(config)).toEqual([32, 0, 32, 0, 32, 0, 32, 0]);
    expect(config.attention).toMatchObject({ soft_cap: 50, scale: 1 / 12 });
    expect(config.head).toEqual({ soft_cap: 30 });
    const uncapped = read('gemma2', { attn_logit_softcapping: null, final_logit_softcapping: null });
    expect(uncapped.attention.soft_cap).toBeUndefined();
    expect(uncapped.head).toEqual({});
  });

  it('Gemma 3: five local layers for a global one, each kind with its base; only the global one is scaled', () => {
    const own = { head_dim: 16, sliding_window: 32, rope_scaling: { rope_type: 'linear', factor: 8 } };
    const config = read('gemma3_text', own);
    const local = theta(10_000, 16);
    expect(windows(config)).toEqual([32, 32, 32, 32, 32, 0, 32, 32]);
    expect(speeds(config)[0]).toBe(local);
    expect(speeds(config)[5]).toBe(theta(1_000_000, 16) / 8);
    expect(config.attention.soft_cap).toBeUndefined();
    const renewed = read('gemma3_text', {
      head_dim: 16,
      sliding_window: 32,
      layer_types: Array.from({ length: 8 }, (_, i) => (i === 5 ? 'full_attention' : 'sliding_attention')),
      rope_parameters: {
        full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1_000_000 },
        sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
      },
    });
    expect(renewed.layers).toEqual(config.layers);
  });

  it('Gemma 3 with vision: what the text config leaves out is the 4B model’s', () => {
    const text_config = { hidden_size: 2560, intermediate_size: 10240, num_hidden_layers: 34, sliding_window: 1024 };
    const raw = { model_type: 'gemma3', text_config, architectures: ['Gemma3ForConditionalGeneration'] };
    const config = findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
    expect(config).toMatchObject({ num_attention_heads: 8, head_dim: 256, vocab_size: 262_208, hidden_size: 2560 });
    expect(config.architecture).toBe('Gemma3ForConditionalGeneration');
  });

  it('CWM: three of four layers slide, a window of 0 is none, rotary is scaled where the config is silent', () => {
    const config = read('cwm', { head_dim: 16, sliding_window: 32 });
    expect(windows(config)).toEqual([0, 32, 32, 32, 0, 32, 32, 32]);
    expect(windows(read('cwm', { head_dim: 16, sliding_window: 0 }))).toEqual(Array(8).fill(0));
    // The slowest frequency is divided by the scaling's factor, 16.
    const [{ rotary }] = config.layers;
    expect(rotary?.inv_freq[7]).toBeCloseTo(1_000_000 ** (-14 / 16) / 16, 12);
    expect(speeds(read('cwm', { head_dim: 16, rope_parameters: { rope_theta: 100 } }))[0]).toBe(theta(100, 16));
  });

  it('Ministral: every layer slides unless layer_types says otherwise', () => {
    expect(windows(read('ministral', { sliding_window: 32 }))).toEqual(Array(8).fill(32));
    expect(windows(read('ministral', { sliding_window: null }))).toEqual(Array(8).fill(0));
    const layer_types = Array.from({ length: 8 }, (_, i) => (i === 2 ? 'full_attention' : 'sliding_attention'));
    expect(windows(read('ministral', { sliding_window: 32, layer_types }))).toEqual([32, 32, 0, 32, 32, 32, 32, 32]);
  });

  it('Ministral 3: queries are scaled beyond the original context, by the default of the family or not at all', () => {
    const scale = (own: object) => read('ministral3', { head_dim: 16, ...own }).layers[0].rotary?.query_scale;
    expect(scale({})).toEqual({ beta: 0.1, period: 16_384 });
    const rope = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 };
    expect(scale({ rope_parameters: { ...rope, llama_4_scaling_beta: 0.3 } })).toEqual({ beta: 0.3, period: 64 });
    expect(scale({ rope_scaling: { ...rope, llama_4_scaling_beta: 0.3 } })).toEqual({ beta: 0.3, period: 64 });
    expect(scale({ rope_parameters: rope })).toBeUndefined();
    expect(windows(read('ministral3', { head_dim: 16 }))).toEqual(Array(8).fill(0));
  });

  it('InternLM 3, Seed-OSS: which linears have biases', () => {
    const both = { head_dim: 16, qkv_bias: true, bias: false };
    expect(read('internlm3', both).attention.bias).toEqual({ q: true, k: true, v: true, o: false });
    expect(read('internlm3', { head_dim: 16, bias: true }).attention.bias.o).toBe(true);
    expect(read('seed_oss').attention.bias).toEqual({ q: true, k: true, v: true, o: false });
    expect(read('seed_oss', { attention_bias: false, attention_out_bias: true }).attention.bias).toEqual({
      ...{ q: false, k: false, v: false, o: true },
    });
  });

  it('EXAONE: keys of its own code, and its own base', () => {
    const { num_hidden_layers: _, ...sizes } = SIZES;
    const raw = {
      model_type: 'exaone',
      ...sizes,
      num_layers: 3,
      layer_norm_epsilon: 0.25,
      activation_function: 'gelu',
    };
    const config = findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
    expect(config.layers).toHaveLength(3);
    expect(config).toMatchObject({ norm: { eps: 0.25 }, mlp: { activation: 'gelu' } });
    expect(speeds(config)[0]).toBe(theta(500_000, 16));
  });

  it('GLM, ERNIE 4.5, Helium and Command R turn neighbouring elements; GLM half of each head', () => {
    for (const model_type of ['glm', 'ernie4_5', 'helium', 'cohere']) {
      const [{ rotary }] = read(model_type, { head_dim: 16 }).layers;
      expect(rotary).toMatchObject({ interleaved: true, dim: model_type === 'glm' ? 8 : 16 });
    }
    expect(read('cohere', { logit_scale: 0.5 })).toMatchObject({ parallel: 'one_norm', head: { scale: 0.5 } });
  });

  it('Granite: four multipliers', () => {
    const config = read('granite', {
      embedding_multiplier: 12,
      attention_multiplier: 0.1,
      residual_multiplier: 0.22,
      logits_scaling: 8,
    });
    expect(config.attention.scale).toBe(0.1);
    expect(config).toMatchObject({ embedding: { scale: 12 }, residual_multiplier: 0.22, head: { scale: 0.125 } });
  });
});

describe('Gemma 3 with a part that reads images', () => {
  const vision: TinyTensor = { name: '', dtype: 'F32', shape: [4], values: new Float32Array(4) };

  it.each(['language_model.model.', 'model.language_model.'])('opens as its language model, at %s', async (prefix) => {
    const golden = await family('gemma3_text');
    const files = await familyFiles(golden, {
      config: {
        model_type: 'gemma3',
        architectures: ['Gemma3ForConditionalGeneration'],
        text_config: golden.config,
        vision_config: {},
        ...Object.fromEntries(Object.keys(SIZES).map((key) => [key, undefined])),
      },
      edit: (tensors) => [
        ...tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(/^model\./, prefix) })),
        { ...vision, name: 'vision_tower.vision_model.post_layernorm.weight' },
        { ...vision, name: 'model.multi_modal_projector.mm_soft_emb_norm.weight' },
      ],
    });
    const { model, warnings } = await openModel(files);
    expect(warnings).toEqual(['The part that reads images (2 tensors) is left out.']);
    expect(model.layers).toHaveLength(golden.config.num_hidden_layers as number);
  });
});

describe('Mistral 3, with a part that reads images', () => {
  const vision: TinyTensor = { name: '', dtype: 'F32', shape: [4], values: new Float32Array(4) };
  const wrapper = ({ architectures: _, ...text_config }: Record<string, unknown>, own: object = {}) => ({
    model_type: 'mistral3',
    architectures: ['Mistral3ForConditionalGeneration'],
    text_config,
    vision_config: { model_type: 'pixtral', hidden_size: 8 },
    image_token_index: 10,
    tie_word_embeddings: false,
    ...own,
  });

  it.each([
    ['mistral', 'language_model.model.'],
    ['ministral3', 'model.language_model.'],
  ])('opens as its %s, at %s', async (name, prefix) => {
    const golden = await family(name);
    const files = await familyFiles(golden, {
      config: {
        ...Object.fromEntries(Object.keys(golden.config).map((key) => [key, undefined])),
        ...wrapper(golden.config),
      },
      edit: (tensors) => [
        ...tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(/^model\./, prefix) })),
        { ...vision, name: 'vision_tower.ln_pre.weight' },
        { ...vision, name: 'model.multi_modal_projector.norm.weight' },
      ],
    });
    const { model, warnings } = await openModel(files);
    expect(warnings).toEqual(['The part that reads images (2 tensors) is left out.']);
    const plain = await openModel(await familyFiles(golden));
    expect(model.config).toMatchObject({ model_type: name, architecture: plain.config.architecture });
    expect(model.layers.map(({ attention }) => attention.rotary)).toEqual(
      plain.model.layers.map(({ attention }) => attention.rotary),
    );
  });

  it('ties its head by the outer key, and is Mistral Small 3.1 where the text config is missing', () => {
    const read = (raw: Record<string, unknown>) => findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
    const { text_config: _, ...silent } = wrapper({});
    expect(read({ ...silent, tie_word_embeddings: undefined })).toMatchObject({
      hidden_size: 5120,
      num_hidden_layers: 40,
      head_dim: 128,
      tie_word_embeddings: true,
    });
    expect(read(silent)).toMatchObject({ tie_word_embeddings: false });
  });

  it('is refused with another language model', () => {
    const raw = wrapper({ model_type: 'llama' });
    expect(() => findArchitecture(raw, 'config.json')).toThrow(/type is "llama"/);
  });
});

describe('families refuse', () => {
  it.each<[string, string, Record<string, unknown>, 'bad_config' | 'unknown_architecture', ...string[]]>([
    [
      'another kind of layer',
      'qwen2',
      { layer_types: Array(8).fill('chunked_attention') },
      'bad_config',
      'layer_types',
    ],
    ['too few kinds of layers', 'gemma2', { layer_types: ['full_attention'] }, 'bad_config', '1 entries', '8 layers'],
    ['too few NoPE layers', 'smollm3', { no_rope_layers: [1, 1] }, 'bad_config', 'no_rope_layers has 2 entries'],
    ['a window of 0', 'mistral', { sliding_window: 0 }, 'bad_config', 'sliding_window is 0', 'at least 1'],
    ['a cap of 0', 'gemma2', { final_logit_softcapping: 0 }, 'bad_config', 'final_logit_softcapping is 0'],
    ['a scaling of 0', 'granite', { logits_scaling: 0 }, 'bad_config', 'logits_scaling is 0'],
    ['attention to what follows', 'gemma', { use_bidirectional_attention: true }, 'unknown_architecture', 'follows'],
    ['no text config', 'gemma3', {}, 'bad_config', 'text_config'],
    ['a rope that is a list', 'gemma3_text', { rope_parameters: [] }, 'bad_config', 'rope_parameters is []'],
    ['clipping', 'iquestcoder', { clip_qkv: 8 }, 'unknown_architecture', 'clip_qkv is 8'],
    ['a clip of 0', 'olmo', { clip_qkv: 0 }, 'bad_config', 'clip_qkv is 0'],
    ['normed heads', 'stablelm', { qk_layernorm: true }, 'unknown_architecture', 'qk_layernorm'],
    ['experts', 'granite', { num_local_experts: 40 }, 'unknown_architecture', '40 experts'],
    ['a family with experts', 'qwen3_moe', {}, 'unknown_architecture', 'mixture of experts'],
    ['a family with an encoder', 't5', {}, 'unknown_architecture', 'encoder'],
    ['a family without attention', 'mamba2', {}, 'unknown_architecture', 'without attention'],
    ['a family with vision', 'qwen2_5_vl', {}, 'unknown_architecture', 'images'],
  ])('%s', async (_, model_type, config, code, ...fragments) => {
    await expectBadInput((async () => read(model_type, config))(), code, ...fragments);
  });
});
