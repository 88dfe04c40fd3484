/** Keys of config.json: obeyed as transformers obeys them, passed over with a word where it does, or refused by name. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import type { RawConfig } from '../src/formats/hf/config.ts';
import type { Architecture } from '../src/models/architecture.ts';
import { judgeConfigKeys } from '../src/models/config_keys/judge.ts';
import { ALWAYS_IDLE, ALWAYS_READ } from '../src/models/config_keys/keys.ts';
import { ARCHITECTURES } from '../src/models/families/families.ts';
import { openModel } from '../src/models/open_model.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { expectBadInput } from './bad_input.ts';
import CLASS_KEYS from './fixtures/config_class_keys.json';
import { families, familyFiles } from './fixtures/families/family_model.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { oneWindow, worstLogit } from './support/golden.ts';

const SAME_KEYS = await families(new URL('./fixtures/config_keys/', import.meta.url));
const USUAL = await families();

const backend = createCpuBackend();
afterAll(() => backend.dispose());

describe('keys that several families have and read differently', () => {
  it.each(SAME_KEYS)('$name: the logits and the loss of transformers', async (family) => {
    const { model } = await openModel(await familyFiles(family));
    for (const { input_ids, rows, logits, loss } of family.runs) {
      const window = oneWindow(input_ids);
      expect(worstLogit(await firstWindowLogits(backend, model, window), rows, logits)).toBeLessThan(1e-6);
      const { windows } = await evaluate(backend, model, window);
      expect(Math.abs(windows[0].loss / loss - 1)).toBeLessThan(1e-7);
    }
  });

  it.each([
    ['gptj_other_rotary', 'rope_theta (100)', 'rope_scaling'],
    ['gpt_neox_other_rotary', 'partial_rotary_factor (0.75)'],
  ])('%s: says which are not read', async (name, ...keys) => {
    const { warnings } = await openModel(await familyFiles(SAME_KEYS.find((family) => family.name === name)!));
    for (const key of keys) expect(warnings.join()).toContain(key);
  });
});

/** What no key takes for what it was. */
const ODD = [{ odd: true }, '§', -1, 0.3, 7, true, false, null, ['§'], 'relu'];

/** What a family makes of a config; a refusal counts as something. */
function outcome({ readConfig }: Architecture, raw: RawConfig): string {
  try {
    return JSON.stringify(readConfig(raw, 'config.json'));
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}

describe.each(ARCHITECTURES.map((architecture) => ({ ...architecture, architecture })))('$family', (each) => {
  const { architecture, model_types, config_keys } = each;
  // Once without rope_scaling, which stands before rope_parameters.
  const usual = USUAL.filter(({ config }) => model_types.includes(String(config.model_type))).flatMap((each) => [
    each,
    { ...each, config: { ...each.config, rope_scaling: undefined } },
  ]);
  const outcomes = (key: string, config: RawConfig) =>
    ODD.map((odd) => outcome(architecture, { ...config, [key]: odd })).filter(
      (found) => found !== outcome(architecture, config),
    );

  it('lists the keys of its config', () => {
    expect(config_keys, 'config_keys of the descriptor').toBeDefined();
    expect(usual, 'a fixture in test/fixtures/families').not.toEqual([]);
  });

  it('reads what it lists as read', () => {
    const nested = ['text_config'];
    const unread = config_keys!.read.filter(
      (key) =>
        !nested.includes(key) &&
        !key.startsWith('_sliding') &&
        !usual.some(({ config }) => outcomes(key, config).length > 0),
    );
    expect(unread).toEqual([]);
  });

  it('does not depend on what it lists as idle', () => {
    // A value of the wrong type may be refused; a right one changes nothing.
    const other = (key: string, config: RawConfig) =>
      outcomes(key, config).some((found) => !found.startsWith('refused'));
    const read = (config_keys?.idle ?? []).filter((key) => usual.some(({ config }) => other(key, config)));
    expect(read).toEqual([]);
  });

  it('knows every key that its class in transformers writes', () => {
    const known = new Set([...(config_keys?.read ?? []), ...(config_keys?.idle ?? []), ...ALWAYS_READ, ...ALWAYS_IDLE]);
    const written = model_types.flatMap((type) => (CLASS_KEYS as Record<string, string[]>)[type] ?? []);
    expect(written.length).toBeGreaterThan(10);
    expect(written.filter((key) => !known.has(key) && !key.startsWith('_'))).toEqual([]);
  });
});

describe('a key that no family reads', () => {
  const llama = ARCHITECTURES[0];
  const judge = (raw: RawConfig) => judgeConfigKeys(raw, 'config.json', llama, ARCHITECTURES);

  it.each([
    ['a scaling', { value_scale: 0.5 }],
    ['a soft cap', { value_softcap: 30 }],
    ['a rotation', { online_hadamard: true }],
    ['a norm', { use_value_norm: true }],
    ['a sink', { attention_sinks: 4 }],
    ['a window', { local_window_pattern: [1, 0] }],
    ['tokens that see what follows', { is_causal: false }],
  ])('is refused by its name: %s', async (_, config) => {
    const [key] = Object.keys(config);
    const found = await expectBadInput(tinyLlama({ config }).then(openModel), 'unknown_architecture', `${key} is`);
    expect(found.place).toEqual({ file: 'config.json', field: key });
    expect(found.allowed).toBeTruthy();
  });

  it('of another tool, for weights that were quantised, is a left-over beside plain floats alone', async () => {
    const quantization = { group_size: 64, bits: 4 };
    const { warnings } = await openModel(await tinyLlama({ config: { quantization } }));
    expect(warnings.join()).toContain('left-over');
    expect(() => judge({ quantization })).toThrow('quantization is');
  });

  it('is passed over with a warning where transformers passes it over', () => {
    const [warning, ...rest] = judge({ attn_logit_softcapping: 30, qk_layernorm: true, logit_scale: 1 });
    expect(warning).toContain('attn_logit_softcapping (30)');
    expect(warning).toContain('qk_layernorm');
    expect(warning).not.toContain('logit_scale');
    expect(rest).toEqual([]);
  });

  it.each([
    ['SmolLM2', { is_llama_config: true, rope_interleaved: false, pretraining_tp: 1, 'transformers.js_config': {} }],
    ['Phi-4', { full_attn_mod: 1, interpolate_factor: 1, lm_head_bias: false, attention_bias: false }],
    ['StarCoder2', { norm_type: 'layer_norm', attention_softmax_in_fp32: true, scale_attention_softmax_in_fp32: true }],
    ['Granite', { position_embedding_type: 'rope', embedding_multiplier: 1, logits_scaling: 1.0 }],
    ['Qwen 2.5', { use_sliding_window: false, sliding_window: 131_072, max_window_layers: 28, use_mrope: false }],
    ['GPT-2', { n_ctx: 1024, summary_type: 'cls_index', task_specific_params: { a: 1 }, _num_labels: 1 }],
  ])('is no matter where configs of the Hub have it: %s', (_, config) => {
    expect(judge(config)).toEqual([]);
  });

  it('is named where nothing is known of it, and not where it says nothing', () => {
    expect(judge({ my_note: 'x' }).join()).toContain('my_note');
    expect(judge({ my_note: null, value_scale: 1, value_softcap: null, sinks: false, my_list: [] })).toEqual([]);
    expect(judge({ rope_scaling: { rope_type: 'default', alpha: 3 } }).join()).toContain('rope_scaling.alpha');
  });
});
