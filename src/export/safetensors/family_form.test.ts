/** Dense models are written as their family is stored: names, layout, bytes and config of the folder they came from. */
import { describe, expect, it } from 'vitest';
import {
  type Family,
  families,
  family,
  familyFiles,
  hashedValues,
} from '../../../test/fixtures/families/family_model.ts';
import { GGUF_NAMES, ggufBlob, ggufFamily } from '../../../test/fixtures/gguf_model.ts';
import { memoryFiles } from '../../../test/onnx/memory_files.ts';
import { writeModel } from '../../../test/support/written_model.ts';
import { openSafetensors } from '../../formats/safetensors/checkpoint.ts';
import { blobSource } from '../../formats/source.ts';
import { type OpenModel, openModel } from '../../models/open_model.ts';
import { describeModel } from '../../models/sliced/describe.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { configText } from '../config_text.ts';
import { transformersConfig } from '../transformers_config.ts';
import { writeOnnx } from '../write_onnx.ts';
import { familyForm } from './family_form.ts';

const FAMILIES = await families();

/** What GGUF does not say, and llama.cpp has built in: the source is given the same. */
const BUILT_IN: Record<string, Record<string, unknown>> = {
  gemma2: { query_pre_attn_scalar: 8 },
  gemma3_text: { query_pre_attn_scalar: 8 },
  smollm3: { no_rope_layers: [1, 1, 1, 0] },
};
/** GGUF cannot tell these from others: see test/gguf_families.test.ts. */
const NOT_SAID = ['gpt2_scaled', 'qwen2_window', 'gemma3_v5'];

/** Some checkpoints lie without a prefix, and GPT-NeoX's heads under two names: what transformers writes, or reads in all versions. */
const usual = (model_type: unknown, name: string) =>
  (model_type === 'exaone' ? exaone(name) : name)
    .replace(/^(?=wte|wpe|h\.|ln_f|word_embeddings)/, 'transformer.')
    .replace(/^(?=decoder\.)/, 'model.')
    .replace(/^lm_head(?=\.)/, model_type === 'gpt_neox' ? 'embed_out' : 'lm_head');

/** Names of the code that came with EXAONE, as transformers' class has them. */
const EXAONE: readonly (readonly [RegExp, string])[] = [
  [/^transformer\.wte\./, 'model.embed_tokens.'],
  [/^transformer\.h\./, 'model.layers.'],
  [/^transformer\.ln_f\./, 'model.norm.'],
  [/\.attn\.attention\.out_proj\./, '.self_attn.o_proj.'],
  [/\.attn\.attention\./, '.self_attn.'],
  [/\.ln_1\./, '.input_layernorm.'],
  [/\.ln_2\./, '.post_attention_layernorm.'],
  [/\.mlp\.c_fc_0\./, '.mlp.gate_proj.'],
  [/\.mlp\.c_fc_1\./, '.mlp.up_proj.'],
  [/\.mlp\.c_proj\./, '.mlp.down_proj.'],
];
const exaone = (name: string) => EXAONE.reduce((found, [from, to]) => found.replace(from, to), name);

async function written(open: OpenModel) {
  const folder = await writeModel(open.model, { config: open.raw_config, precision: 'f32' });
  const blob = folder.files.find(({ path }) => path.endsWith('model.safetensors'))!.blob;
  const { checkpoint } = await openSafetensors([blobSource('model.safetensors', blob)]);
  return { folder, checkpoint, config: await folder.json('config.json') };
}

/** @param close Of values that were rounded on the way. */
async function expectSourceTensors({ tensors, config: { model_type } }: Family, open: OpenModel, close = 0) {
  const { checkpoint } = await written(open);
  const names = tensors.map(({ name }) => usual(model_type, name));
  expect([...checkpoint.tensors.keys()].sort()).toEqual(names.sort());
  for (const { name: own, shape, centre, amplitude } of tensors) {
    const name = usual(model_type, own);
    expect(checkpoint.tensors.get(name)?.shape, name).toEqual(shape);
    const values = hashedValues(own, shape, centre, amplitude);
    const bytes = await checkpoint.read(name);
    if (close === 0) {
      expect(Buffer.compare(bytes, encodeFromFloat(values, 'F32')), name).toBe(0);
      continue;
    }
    const found = decodeStored(bytes, 'F32');
    expect(Math.max(...values.map((value, i) => Math.abs(value - found[i]))), name).toBeLessThanOrEqual(close);
  }
}

describe.each(FAMILIES.map((each) => [each.name, each] as const))('%s', (name, each) => {
  it('has the names, shapes and bytes of its source, and every key of its config', async () => {
    const open = await openModel(await familyFiles(each));
    await expectSourceTensors(each, open);
    const { folder, config } = await written(open);
    const { dtype: _, torch_dtype: __, ...expected } = each.config;
    expect(config).toMatchObject(expected);
    expect(config.model_type).toBe(each.config.model_type);
    expect(Object.keys(config)).not.toContain('whittle');
    expect(folder.listed.map((file) => file.name)).toEqual(['model.safetensors', 'config.json']);
    const again = await openModel(folder.files);
    expect(again.warnings).toEqual([]);
    const structure = ({ model }: OpenModel) => describeModel(model, weightNames(model));
    expect(structure(again)).toEqual(structure(open));
  });

  it.runIf(GGUF_NAMES[name] && !NOT_SAID.includes(name))('has them from GGUF, too', async () => {
    const blob = await ggufBlob(ggufFamily({ ...each, config: { ...each.config, ...BUILT_IN[name] } }));
    const open = await openModel([{ path: `${name}.gguf`, blob }]);
    // GGUF keeps Gemma's norms with the 1 that was added in f32.
    await expectSourceTensors(each, open, name.startsWith('gemma') ? 2 ** -23 : 0);
    const { config } = await written(open);
    expect(config.model_type).toBe(each.config.model_type);
    expect(config.architectures).toEqual(
      each.config.architectures ?? [expect.stringMatching(/ForCausalLM|LMHeadModel/)],
    );
  });

  it('has them from the ONNX files of transformers.js, too', async () => {
    const open = await openModel(await familyFiles(each));
    const files = memoryFiles();
    await writeOnnx(open.model, { layout: 'kv_cache', precision: 'f32', external_data: 'auto' }, files.openFile);
    const config = {
      ...transformersConfig(open.raw_config, open.model, 'f32', files.names()),
      whittle: { decoder: describeModel(open.model, weightNames(open.model)) },
    };
    const folder = (await familyFiles(each)).filter(({ path }) => path.endsWith('tokenizer.json'));
    const onnx = await openModel([
      ...folder,
      { path: `${name}/config.json`, blob: new Blob([configText(config)]) },
      ...files.names().map((file) => ({ path: `${name}/${file}`, blob: new Blob([files.bytes(file)]) })),
    ]);
    await expectSourceTensors(each, onnx, name.startsWith('gemma') ? 2 ** -23 : 0);
    const found = await written(onnx);
    const { dtype: _, torch_dtype: __, ...expected } = each.config;
    expect(found.config).toMatchObject(expected);
    expect(Object.keys(found.config)).not.toContain('transformers.js_config');
  });
});

describe('the family', () => {
  it('of a model with vision is that of its language model', async () => {
    const each = await family('gemma3_text');
    const { architectures: _, model_type: __, vocab_size, ...text } = each.config;
    const config = {
      model_type: 'gemma3',
      architectures: ['Gemma3ForConditionalGeneration'],
      text_config: { ...text, vocab_size },
    };
    const prefixed = familyFiles({ ...each, config });
    const form = familyForm((await openModel(await prefixed)).model, config);
    expect(form?.config).toMatchObject({
      ...each.config,
      architectures: ['Gemma3ForCausalLM'],
      model_type: 'gemma3_text',
    });
    expect(form?.config).not.toHaveProperty('text_config');
  });

  it('is not written where a part of the model is another than its config says', async () => {
    const { model, raw_config } = await openModel(await familyFiles(await family('llama')));
    expect(familyForm(model, raw_config)).toBeDefined();
    expect(familyForm(model, { ...raw_config, rope_theta: 3 })).toBeUndefined();
    // Sizes are the model's, as those of a pruned one are.
    const { num_attention_heads, num_key_value_heads } = model.config;
    const sized = familyForm(model, { ...raw_config, num_attention_heads: 2, num_key_value_heads: 2 })?.config;
    expect(sized).toMatchObject({ num_attention_heads, num_key_value_heads });
    expect(familyForm(model, { ...raw_config, model_type: 'mamba' })).toBeUndefined();
    expect(familyForm({ ...model, layers: model.layers.slice(1) }, raw_config)).toBeUndefined();
    const { lm_head } = model;
    expect(familyForm({ ...model, lm_head: { ...lm_head, scale: 2 } }, raw_config)).toBeUndefined();
  });

  it('keeps code on the Hub that its config points to, not files that are not copied', async () => {
    const { model, raw_config } = await openModel(await familyFiles(await family('llama')));
    const map = (name: string) => familyForm(model, { ...raw_config, auto_map: { AutoConfig: name } })?.config.auto_map;
    expect(map('configuration_own.OwnConfig')).toBeUndefined();
    expect(map('owner/name--configuration_own.OwnConfig')).toEqual({
      AutoConfig: 'owner/name--configuration_own.OwnConfig',
    });
  });
});
