/** Weights that do not say what their config says: what is meant is computed, or the file is refused by the name at fault. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import type { ModelFile } from '../src/formats/hf/files.ts';
import { float8Table } from '../src/formats/safetensors/wide_floats.ts';
import { type TensorToWrite, writeSafetensors } from '../src/formats/safetensors/write.ts';
import { openModel } from '../src/models/open_model.ts';
import { evaluate } from '../src/runtime/perplexity.ts';
import { cutWindows } from '../src/runtime/windows.ts';
import { encodeFromFloat } from '../src/tensor/half.ts';
import { expectBadInput } from './bad_input.ts';
import {
  jsonBlob,
  type TinyLlamaOptions,
  type TinyTensor,
  tinyLlama,
  tinyLlamaConfig,
  tinyLlamaTensors,
} from './fixtures/tiny_llama.ts';
import { seededText } from './support/slice_job.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

/** Loss of two windows, and what opening says. */
async function measured(files: readonly ModelFile[]) {
  const { model, tokenizer, warnings, raw_config } = await openModel(files);
  const windows = cutWindows(tokenizer.encode(seededText(3, 300)), 16, 2, 'text');
  const { windows: found } = await evaluate(backend, model, windows);
  return { model, warnings, raw_config, losses: found.map(({ loss }) => loss) };
}

const losses = async (options: TinyLlamaOptions) => (await measured(await tinyLlama(options))).losses;

const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';
const rename = (to: (name: string) => string) => (tensors: TinyTensor[]) =>
  tensors.map((tensor) => ({ ...tensor, name: to(tensor.name) }));
const copied = (tensors: TinyTensor[]) => [
  ...tensors,
  { ...tensors.find(({ name }) => name === EMBEDDING)!, name: HEAD },
];

describe('a config that ties embedding and head', () => {
  const TIED = { config: { tie_word_embeddings: true } };

  it('beside two matrices that differ keeps both, and says so', async () => {
    const found = await measured(await tinyLlama({ tied: false, ...TIED }));
    expect(found.losses).toEqual(await losses({ tied: false }));
    expect(found.losses).not.toEqual(await losses({ tied: true }));
    expect(found.model.lm_head.weight).not.toBe(found.model.embed_tokens.weight);
    expect(found.warnings.join()).toMatch(/tie_word_embeddings.*lm_head\.weight.*both are kept/);
    expect(found.raw_config).toMatchObject({ tie_word_embeddings: false });
    expect(found.model.config.tie_word_embeddings).toBe(false);
  });

  it('beside two matrices of equal values is tied', async () => {
    const { model, warnings, losses: found } = await measured(await tinyLlama({ edit: copied }));
    expect(model.lm_head.weight).toBe(model.embed_tokens.weight);
    expect(warnings).toEqual([]);
    expect(found).toEqual(await losses({}));
  });

  it('beside matrices of equal values in two types is tied, and of others not', async () => {
    const twoTypes = (tensors: TinyTensor[]) =>
      copied(tensors).map((tensor) => {
        if (tensor.name === EMBEDDING) return { ...tensor, dtype: 'F16' as const };
        const values = tensor.values.map((value) => Math.round(value * 64) / 64);
        return { ...tensor, values };
      });
    const rounded = (tensors: TinyTensor[]) =>
      twoTypes(tensors.map((tensor) => ({ ...tensor, values: tensor.values.map((v) => Math.round(v * 64) / 64) })));
    const tied = await openModel(await tinyLlama({ edit: rounded }));
    expect(tied.model.lm_head.weight).toBe(tied.model.embed_tokens.weight);
    const untied = await openModel(await tinyLlama({ edit: twoTypes }));
    expect(untied.model.lm_head.weight).not.toBe(untied.model.embed_tokens.weight);
  });

  it('beside the head alone takes it for both, with any prefix', async () => {
    const expected = await losses({});
    for (const edit of [
      rename((name) => (name === EMBEDDING ? HEAD : name)),
      rename((name) => (name === EMBEDDING ? HEAD : name.replace('model.', ''))),
    ]) {
      const { losses: found, warnings } = await measured(await tinyLlama({ edit }));
      expect(found).toEqual(expected);
      expect(warnings).toEqual([]);
    }
  });

  it('without either is refused by the name of the embedding', async () => {
    const edit = (tensors: TinyTensor[]) => tensors.filter(({ name }) => name !== EMBEDDING);
    await expectBadInput(tinyLlama({ edit }).then(openModel), 'missing_tensor', EMBEDDING);
  });
});

describe('names that a wrapper has lengthened', () => {
  it.each<[string, (name: string) => string, string]>([
    ['torch.compile', (name) => `_orig_mod.${name}`, 'torch wrappers'],
    ['compiled layers', (name) => name.replace(/(layers\.\d+\.)/, '$1_orig_mod.'), 'torch wrappers'],
    [
      'FSDP',
      (name) => `_fsdp_wrapped_module.${name.replace('mlp.', 'mlp._checkpoint_wrapped_module.')}`,
      'torch wrappers',
    ],
    [
      'two at a place',
      (name) => name.replace(/(layers\.\d+\.)/, '$1_fsdp_wrapped_module._checkpoint_wrapped_module.'),
      'torch wrappers',
    ],
    ['DataParallel', (name) => `module.${name}`, '"module."'],
    ['both', (name) => `module._orig_mod.${name}`, '"module."'],
    ['PEFT, merged', (name) => `base_model.model.${name}`, '"base_model.model."'],
    ['a class around the model', (name) => `model.${name}`, '"model."'],
    ['a doubled prefix, the head outside', (name) => name.replace('model.', 'model.model.'), '"model."'],
    ['a policy', (name) => `policy.llm.${name}`, '"policy.llm."'],
  ])('%s', async (_, to, said) => {
    const found = await measured(await tinyLlama({ tied: false, edit: rename(to) }));
    expect(found.losses).toEqual(await losses({ tied: false }));
    expect(found.warnings.join()).toContain(said);
  });

  it('of two models in one checkpoint are refused with both', async () => {
    const edit = (tensors: TinyTensor[]) => [
      ...rename((name) => `actor.${name}`)(tensors),
      ...rename((name) => `critic.${name}`)(tensors),
    ];
    await expectBadInput(tinyLlama({ edit }).then(openModel), 'not_a_model', '"actor."', '"critic."');
  });
});

const Q_PROJ = 'model.layers.1.self_attn.q_proj';
const extra = (name: string, shape = [1]): TinyTensor => ({
  name,
  dtype: 'F32',
  shape,
  values: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1),
});
const adding = (...names: string[]) => ({
  edit: (tensors: TinyTensor[]) => [...tensors, ...names.map((name) => extra(name))],
});

describe('tensors that nobody reads', () => {
  it.each([
    `${Q_PROJ}.weight_scale`,
    `${Q_PROJ}.weight_scale_2`,
    `${Q_PROJ}.scales`,
    `${Q_PROJ}.smooth_scale`,
    `${Q_PROJ}.pre_quant_scale`,
    `${Q_PROJ}.weight_zero_point`,
    `${Q_PROJ}.input_scale`,
    `${Q_PROJ}.hadamard_transform`,
    `${Q_PROJ}.lora_A.default.weight`,
    `${Q_PROJ}.weight_mask`,
    'model.layers.0.mlp.R4',
    'model.rotation',
    'model.layers.0.layer_scale',
    'model.layers.0.layer_scalar',
    'model.layers.0.self_attn.temperature',
    `${Q_PROJ}.qscale`,
    `${Q_PROJ}.scaling`,
    'model.adapters.0.weight',
    'logit_scale',
  ])('and that would change the others are refused: %s', async (name) => {
    const error = await tinyLlama(adding(name))
      .then(openModel)
      .catch((thrown) => thrown);
    expect(['unknown_architecture', 'unsupported_dtype', 'not_a_model']).toContain(error.code);
    expect(error.message).toContain(name);
    expect(error.place).toMatchObject({ file: 'model.safetensors', tensor: name });
    expect(error.allowed).toBeTruthy();
    expect(error.action).toBeTruthy();
  });

  it('buffers are passed over, and others are named', async () => {
    const silent = adding(
      'model.rotary_emb.inv_freq',
      'model.layers.0.self_attn.rotary_emb.cos_cached',
      'model.position_ids',
      'scaled_fp8',
    );
    expect((await openModel(await tinyLlama(silent))).warnings).toEqual([]);
    const named = adding(
      'model.layers.7.mlp.up_proj.weight',
      'value_head.weight',
      `${Q_PROJ.replace('q_proj', 'k_scale')}`,
    );
    const { warnings } = await openModel(await tinyLlama(named));
    expect(warnings.join()).toContain('1 tensors belong to layers beyond num_hidden_layers (2)');
    expect(warnings.join()).toContain('value_head.weight');
    expect(warnings.join()).toContain('1 scales of a quantised key/value cache');
  });
});

describe('weights in another form', () => {
  const without = (suffix: string) => (tensors: TinyTensor[]) =>
    tensors.map((tensor) => (tensor.name === `${Q_PROJ}.weight` ? { ...tensor, name: Q_PROJ + suffix } : tensor));

  it.each([
    ['GPTQ', '.qweight', [`${Q_PROJ}.g_idx`], 'GPTQ', 'unquantised'],
    ['AWQ', '.qweight', [`${Q_PROJ}.qzeros`], 'AWQ', 'unquantised'],
    ['NF4', '.weight_', [`${Q_PROJ}.weight.absmax`], 'bitsandbytes', 'unquantised'],
    ['8-bit bitsandbytes', '.weight_', [`${Q_PROJ}.SCB`], 'bitsandbytes', 'unquantised'],
    ['NVFP4', '.weight_', [`${Q_PROJ}.weight_scale_2`], 'NVFP4', 'unquantised'],
    ['compressed-tensors', '.weight_packed', [`${Q_PROJ}.weight_shape`], 'compressed-tensors', 'unquantised'],
    ['HQQ', '.W_q', [], 'HQQ', 'unquantised'],
    ['LoRA', '.base_layer.weight', [`${Q_PROJ}.lora_A.default.weight`], 'LoRA', 'merge_and_unload'],
    [
      'PEFT, whole modules',
      '.original_module.weight',
      [`${Q_PROJ}.modules_to_save.default.weight`],
      'adapter',
      'merge_and_unload',
    ],
    ['consolidated', '.weight_', ['layers.1.attention.wq.weight'], 'consolidated', 'model.safetensors'],
    ['pruning', '.weight_orig', [`${Q_PROJ}.weight_mask`], 'pruning', 'remove'],
  ])('is said to be that, and not a missing shard: %s', async (_, suffix, more, what, action) => {
    const edit = (tensors: TinyTensor[]) => [...without(suffix)(tensors), ...more.map((name) => extra(name))];
    const error = await tinyLlama({ edit })
      .then(openModel)
      .catch((thrown) => thrown);
    expect(error.message).toContain(what);
    expect(error.message).not.toContain('hold no');
    expect(error.action).toContain(action);
    expect(error.place.tensor).toContain('layers.1.');
    expect(error.isBadInput).toBe(true);
  });
});

const FP8 = 'F8_E4M3';

/** The model with its linears in F8, one scale each under `scaleName`, and the same numbers in F32. */
async function float8(scaleName: (weight: string) => string, options: { quantization_config?: unknown } = {}) {
  const table = float8Table(FP8);
  const scale = 0.0078125;
  const exact: TinyTensor[] = [];
  const stored: TensorToWrite[] = [];
  for (const tensor of tinyLlamaTensors()) {
    if (!tensor.name.endsWith('_proj.weight')) {
      exact.push(tensor);
      stored.push({ ...tensor, chunks: () => [encodeFromFloat(tensor.values, 'F32')] });
      continue;
    }
    const { name, shape } = tensor;
    const codes = Uint8Array.from(tensor.values, (_, i) => (i * 37 + 11) % 120);
    exact.push({ ...tensor, values: Float32Array.from(codes, (code) => table[code] * scale) });
    stored.push({ name, dtype: FP8, shape, chunks: () => [codes] });
    const chunks = () => [encodeFromFloat(Float32Array.of(scale), 'F32')];
    stored.push({ name: scaleName(name), dtype: 'F32', shape: [], chunks });
  }
  const parts: BlobPart[] = [];
  for await (const chunk of writeSafetensors(stored)) parts.push(chunk.slice());
  const config = { ...tinyLlamaConfig(), ...options };
  const files = (await tinyLlama()).map(({ path, blob }) => {
    if (path.endsWith('/config.json')) return { path, blob: jsonBlob(config) };
    return path.endsWith('.safetensors') ? { path, blob: new Blob(parts) } : { path, blob };
  });
  return { files, expected: await losses({ edit: () => exact }) };
}

describe('F8 weights', () => {
  const sibling = (to: string) => (weight: string) => weight.replace(/weight$/, to);
  const MODELOPT = {
    quantization_config: { quant_method: 'modelopt', quant_algo: 'FP8', producer: { name: 'modelopt' } },
  };

  it.each(['scale_weight', 'weight_scale', 'weight_scale_inv', 'weights_scaling_factor', 'scale'])(
    'have their scale under %s',
    async (name) => {
      const { files, expected } = await float8(sibling(name));
      expect((await measured(files)).losses).toEqual(expected);
    },
  );

  it('of ModelOpt are read, with its key in config.json or in its own file', async () => {
    const { files, expected } = await float8(sibling('weight_scale'), MODELOPT);
    expect((await measured(files)).losses).toEqual(expected);
    const own = await float8(sibling('weight_scale'));
    const key = jsonBlob({ quantization: { quant_algo: 'FP8', exclude_modules: ['lm_head'] } });
    expect((await measured([...own.files, { path: 'tiny/hf_quant_config.json', blob: key }])).losses).toEqual(expected);
  });

  it.each(['weight_multiplier_scale', 'wscale', 'weight_s', 'weight_meta', 'weight_scales'])(
    'whose scale has an unknown name are refused with it: %s',
    async (name) => {
      const { files } = await float8(sibling(name));
      await expectBadInput(openModel(files), 'unknown_architecture', `_proj.${name}`);
    },
  );

  it('without any scale are taken as they are, and it is said', async () => {
    const { files } = await float8((weight) => `value_head.${weight}`);
    const { warnings } = await openModel(files);
    expect(warnings.join()).toContain('14 F8 weights have no scale');
  });

  it('without the scale that the config promises are refused', async () => {
    const { files } = await float8(sibling('bias_'), MODELOPT);
    await expectBadInput(openModel(files), 'missing_tensor', 'has a scale, but none is there', 'weight_scale');
  });
});

describe('an index', () => {
  const INDEX = 'tiny/model.safetensors.index.json';
  const withIndex = async (change: (map: Record<string, string>) => void, options: TinyLlamaOptions = {}) => {
    const files = await tinyLlama({ shards: 2, ...options });
    const found = files.find(({ path }) => path === INDEX)!;
    const json = JSON.parse(await found.blob.text());
    change(json.weight_map);
    return files.map((file) => (file === found ? { path: INDEX, blob: jsonBlob(json) } : file));
  };

  it('may list a tied head that no shard holds, and omit tensors', async () => {
    const files = await withIndex((map) => {
      map[HEAD] = map[EMBEDDING];
      delete map['model.norm.weight'];
    });
    const found = await measured(files);
    expect(found.losses).toEqual(await losses({}));
    expect(found.warnings.join()).toContain(HEAD);
    expect(found.warnings.join()).toContain('model.norm.weight');
  });

  it('that promises what the model needs and no shard holds is refused with both names', async () => {
    const edit = (tensors: TinyTensor[]) => tensors.filter(({ name }) => name !== 'model.norm.weight');
    const files = await withIndex((map) => Object.assign(map, { 'model.norm.weight': map[EMBEDDING] }), { edit });
    await expectBadInput(openModel(files), 'bad_shard_index', 'model.norm.weight', 'model-00001-of-00002.safetensors');
  });
});

describe('numbers as Python writes them', () => {
  it('are read in config.json and tokenizer_config.json', async () => {
    const files = (await tinyLlama()).map((file) => {
      if (file.path === 'tiny/config.json') {
        const text = JSON.stringify({ ...tinyLlamaConfig(), time_step_limit: 'LIMIT' });
        return { ...file, blob: new Blob([text.replace('"LIMIT"', '[0.0, Infinity, -Infinity, NaN]')]) };
      }
      if (file.path !== 'tiny/tokenizer_config.json') return file;
      return { ...file, blob: new Blob(['{"tokenizer_class": "X", "model_max_length": Infinity}']) };
    });
    expect((await measured(files)).losses).toEqual(await losses({}));
  });

  it('where a size should be are refused with the key', async () => {
    const files = (await tinyLlama()).map((file) =>
      file.path === 'tiny/config.json'
        ? {
            ...file,
            blob: new Blob([JSON.stringify(tinyLlamaConfig()).replace('"hidden_size":16', '"hidden_size":NaN')]),
          }
        : file,
    );
    await expectBadInput(openModel(files), 'bad_config', 'hidden_size is NaN', 'field hidden_size');
  });
});
