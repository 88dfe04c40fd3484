/** Configs and checkpoints of the families with LayerNorm: other spellings, other prefixes, stored buffers, refusals. */
import { describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { type ErrorData, WhittleError } from '../src/errors/errors.ts';
import type { Checkpoint, TensorInfo } from '../src/formats/checkpoint.ts';
import type { DecoderConfig } from '../src/models/architecture.ts';
import { buildDecoderModel } from '../src/models/build_model.ts';
import { alibiSlopes } from '../src/models/families/alibi.ts';
import { findArchitecture } from '../src/models/find_architecture.ts';
import { openModel } from '../src/models/open_model.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { elementCount } from '../src/tensor/shape.ts';
import { expectBadInput } from './bad_input.ts';
import { type Family, type FamilyEdits, families, family, familyFiles } from './fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from './support/golden.ts';

async function open(name: string, edits: FamilyEdits = {}) {
  return openModel(await familyFiles(await family(name), edits));
}

function read(raw: Record<string, unknown>): DecoderConfig {
  return findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
}

async function configOf(name: string, changes: Record<string, unknown> = {}): Promise<DecoderConfig> {
  return read({ ...(await family(name)).config, ...changes });
}

/** A checkpoint of which only the header is there. */
function headersOf(tensors: Family['tensors']): Checkpoint {
  const infos = tensors.map(({ name, shape }): [string, TensorInfo] => [
    name,
    { name, shape, dtype: 'F32', bytes: 4 * elementCount(shape), file: 'model.safetensors' },
  ]);
  const read = () => Promise.reject(new Error('No weight is read to build a model'));
  return { tensors: new Map(infos), bytes: infos.reduce((sum, [, { bytes }]) => sum + bytes, 0), read };
}

function thrownBy(work: () => unknown): ErrorData {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(WhittleError);
    return (error as WhittleError).toData();
  }
  throw new Error('nothing was thrown');
}

describe('ALiBi slopes', () => {
  it('are those of the paper for powers of two: 1/2 … 1/256 for 8 heads', () => {
    expect(alibiSlopes(8)).toEqual([2, 4, 8, 16, 32, 64, 128, 256].map((n) => 1 / n));
    expect(alibiSlopes(16)[0]).toBeCloseTo(Math.SQRT1_2, 15);
    expect(alibiSlopes(1)).toEqual([2 ** -8]);
  });

  it('for other numbers: those of the power below, then every second one of the power above', () => {
    const sixteen = alibiSlopes(16);
    expect(alibiSlopes(12)).toEqual([...alibiSlopes(8), sixteen[0], sixteen[2], sixteen[4], sixteen[6]]);
  });
});

describe('checkpoints that say it otherwise', () => {
  const prefixed = (prefix: string): FamilyEdits => ({
    edit: (tensors) => tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name })),
  });
  const stripped = (prefix: string): FamilyEdits => ({
    edit: (tensors) => tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(prefix, '') })),
  });

  it.each<[string, string, FamilyEdits]>([
    ['gpt2', 'with the prefix', prefixed('transformer.')],
    ['bloom', 'with the prefix', prefixed('transformer.')],
    ['opt', 'without the prefix', stripped('model.')],
    ['gptj', 'without the prefix', stripped('transformer.')],
    ['falcon_rw', 'without the prefix', stripped('transformer.')],
    ['gpt_neox', 'without the prefix', stripped('gpt_neox.')],
    [
      'gpt2',
      'in other words',
      {
        config: {
          n_embd: undefined,
          hidden_size: 24,
          n_layer: undefined,
          num_hidden_layers: 2,
          n_head: undefined,
          num_attention_heads: 3,
        },
      },
    ],
    [
      'bloom',
      'in other words',
      {
        config: {
          hidden_size: undefined,
          n_embed: 24,
          n_layer: undefined,
          num_hidden_layers: 2,
          n_head: undefined,
          num_attention_heads: 3,
        },
      },
    ],
  ])('%s %s is the same model', async (name, _, edits) => {
    const backend = createCpuBackend();
    const [run] = (await family(name)).runs;
    const { model, warnings } = await open(name, edits);
    expect(warnings).toEqual([]);
    const found = await firstWindowLogits(backend, model, oneWindow(run.input_ids));
    expect(worstLogit(found, run.rows, run.logits)).toBeLessThan(1e-6);
    backend.dispose();
  });

  it.each([
    ['gpt2', 'h.0.attn.bias'],
    ['gptj', 'transformer.h.1.attn.masked_bias'],
    ['gpt_neox', 'gpt_neox.layers.0.attention.bias'],
    ['gpt_neox', 'gpt_neox.layers.1.attention.rotary_emb.inv_freq'],
    ['phi', 'model.layers.0.self_attn.rotary_emb.inv_freq'],
    ['stablelm', 'model.layers.0.self_attn.rotary_emb.inv_freq'],
  ])('%s: the stored mask or frequencies %s are no weight', async (name, stored) => {
    const { warnings } = await open(name, {
      edit: (tensors) => [...tensors, { name: stored, dtype: 'F32', shape: [4], values: new Float32Array(4) }],
    });
    expect(warnings).toEqual([]);
  });

  it('a bias of q, k and v is a weight, not a mask', async () => {
    const { model } = await open('gpt2');
    expect(model.layers[0].attention.k_proj.bias?.shape).toEqual([24]);
    await expectBadInput(
      open('gpt2', { edit: (tensors) => tensors.filter(({ name }) => name !== 'h.0.attn.c_attn.bias') }),
      'missing_tensor',
      'h.0.attn.c_attn.bias',
    );
  });
});

describe('what a config means', () => {
  it('GPT-2: scores divided by √head_dim, by the number of the layer, or by neither', async () => {
    const scales = async (changes: Record<string, unknown>) => {
      const { attention, layers } = await configOf('gpt2', changes);
      return layers.map(({ attention_scale = attention.scale }) => attention_scale);
    };
    const usual = 1 / Math.sqrt(8);
    expect(await scales({})).toEqual([usual, usual]);
    expect(await scales({ scale_attn_by_inverse_layer_idx: true })).toEqual([usual, usual / 2]);
    expect(await scales({ scale_attn_weights: false })).toEqual([1, 1]);
  });

  it('OPT: two rows of the table of positions come before position 0', async () => {
    expect((await configOf('opt')).embedding?.positions).toEqual({ offset: 2, rows: 42 });
  });

  it('Falcon: which norms and how many key heads each layout has', async () => {
    const layout = async (name: string) => {
      const { parallel, num_key_value_heads } = await configOf(name);
      return [parallel, num_key_value_heads];
    };
    expect(await layout('falcon_7b')).toEqual(['one_norm', 1]);
    expect(await layout('falcon_40b')).toEqual(['two_norms', 2]);
    expect(await layout('falcon_11b')).toEqual(['one_norm', 2]);
    expect(await layout('falcon_rw')).toEqual([undefined, 4]);
  });

  it('a part of each head turns: by default a quarter (GPT-NeoX, StableLM), a half (Phi), 64 elements (GPT-J)', async () => {
    const dim = async (name: string, changes: Record<string, unknown>) =>
      (await configOf(name, changes)).layers[0].rotary?.dim;
    expect(await dim('gpt_neox', { rotary_pct: undefined })).toBe(2);
    expect(await dim('stablelm', { partial_rotary_factor: undefined })).toBe(2);
    expect(await dim('phi', { partial_rotary_factor: undefined })).toBe(4);
    expect(await dim('gptj', { rotary_dim: undefined, n_embd: 384 })).toBe(64);
  });
});

describe('refused, with the reason', () => {
  it.each<[string, Record<string, unknown>, 'unknown_architecture' | 'bad_config', ...string[]]>([
    ['opt', { do_layer_norm_before: false }, 'unknown_architecture', 'OPT-350m', 'no rotation of it commutes'],
    ['opt', { word_embed_proj_dim: 12 }, 'unknown_architecture', 'Embeddings of 12 numbers are projected'],
    ['opt', { _remove_final_layer_norm: true }, 'unknown_architecture', '_remove_final_layer_norm'],
    ['opt', { activation_function: 'mish' }, 'unknown_architecture', 'mish'],
    ['opt', { ffn_dim: undefined }, 'bad_config', 'ffn_dim is missing'],
    ['gpt2', { n_head: 5 }, 'bad_config', 'hidden_size (24) is not a multiple'],
    ['gpt2', { add_cross_attention: true }, 'unknown_architecture', 'add_cross_attention'],
    ['bloom', { apply_residual_connection_post_layernorm: true }, 'unknown_architecture', 'no rotation'],
    ['bloom', { n_head: 2 ** 30, hidden_size: 2 ** 30 }, 'bad_config', 'num_attention_heads'],
    ['falcon_rw', { num_attention_heads: 2 ** 30, hidden_size: 2 ** 30 }, 'bad_config', 'num_attention_heads'],
    ['falcon_40b', { parallel_attn: false }, 'unknown_architecture', 'side by side'],
    ['falcon_40b', { num_kv_heads: 3 }, 'bad_config', 'is not a multiple of num_key_value_heads (3)'],
    ['falcon_40b', { num_ln_in_parallel_attn: 3 }, 'bad_config', 'num_ln_in_parallel_attn is 3'],
    ['phi', { qk_layernorm: true }, 'unknown_architecture', 'qk_layernorm'],
    ['stablelm', { qk_layernorm: true }, 'unknown_architecture', 'qk_layernorm'],
    ['gptj', { rotary_dim: 7 }, 'bad_config', 'Rotary turns 7 of the 8'],
    ['gpt_neox', { rotary_pct: 0 }, 'bad_config', 'rotary_pct is 0'],
  ])('%s with %j', async (name, changes, code, ...fragments) => {
    await expectBadInput(configOf(name, changes), code, ...fragments);
  });

  it('junk in any field of any family is a typed error or a model, never anything else', async () => {
    const junk = [null, true, -1, 0, 0.5, 1e308, 2 ** 31, 'x', '', [], {}, [null], { a: 1 }];
    for (const { name, config } of await families()) {
      for (const field of Object.keys(config)) {
        for (const value of junk) {
          try {
            const { layers } = read({ ...config, [field]: value });
            expect(layers.length, `${name}: ${field} = ${JSON.stringify(value)}`).toBeGreaterThan(0);
          } catch (error) {
            expect(error, `${name}: ${field} = ${JSON.stringify(value)}`).toBeInstanceOf(WhittleError);
          }
        }
      }
    }
  });
});

describe('a tensor that is missing or of another shape', () => {
  it('in every family is named, whichever it is', async () => {
    for (const { name, config, tensors } of await families()) {
      const architecture = findArchitecture(config, 'config.json');
      const parsed = architecture.readConfig(config, 'config.json');
      for (const { name: dropped } of tensors) {
        // Constants of xIELU, which have defaults.
        if (/act_fn\.(beta|eps)$/.test(dropped)) continue;
        const rest = tensors.filter((tensor) => tensor.name !== dropped);
        const { code, place } = thrownBy(() => buildDecoderModel(architecture, parsed, headersOf(rest)));
        expect(code, `${name} without ${dropped}`).toBe('missing_tensor');
        // Without its embedding a checkpoint's prefix cannot be told, nor its head's name without its head.
        if (!/embed|wte|lm_head/.test(dropped)) expect(place?.tensor, name).toBe(dropped);
      }
    }
  });

  it('a fused matrix with a row too many is refused', async () => {
    const edit: FamilyEdits['edit'] = (tensors) =>
      tensors.map((tensor) =>
        tensor.name.endsWith('layers.0.attention.query_key_value.weight')
          ? { ...tensor, shape: [73, 24], values: new Float32Array(73 * 24) }
          : tensor,
      );
    await expectBadInput(open('gpt_neox', { edit }), 'shape_mismatch', '[73, 24]', '[72, 24]');
  });
});
