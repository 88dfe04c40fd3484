/**
 * @file A family's fixture as onnxruntime-genai's builder writes it: names with operators, q, k and v in one product, a norm's
 * offset added, tied tables as the transpose of the head, angles as tables, and genai_config.json instead of config.json.
 * Nothing runs this graph.
 */
import type { ModelFile } from '../../src/formats/hf/files.ts';
import { encodeFromFloat } from '../../src/tensor/half.ts';
import { type Family, hashedValues } from '../fixtures/families/family_model.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import { node, protoModel, tensor, type Write } from './proto_model.ts';

const FLOAT = 1;
/** Tag of field 2, four bytes. */
const FLOAT_FIELD = 2 * 8 + 5;

export interface GenaiOptions {
  /** Changes genai_config.json. */
  edit?: (config: { model: Record<string, unknown> & { decoder: Record<string, unknown> } }) => void;
  /** Multiplies all angles. */
  stretched?: number;
  /** Of GroupQueryAttention, instead of the family's. */
  attributes?: Record<string, number>;
  activation?: string;
}

const ints =
  (name: string, value: number): Write =>
  (message) =>
    message.message(5, (attribute) => attribute.string(1, name).int(3, value));
const floats =
  (name: string, value: number): Write =>
  (message) =>
    message.message(5, (attribute) =>
      attribute.string(1, name).raw(Uint8Array.of(FLOAT_FIELD, ...encodeFromFloat([value], 'F32'))),
    );

interface Matrix {
  shape: readonly number[];
  values: Float32Array;
}

export function genaiFiles(family: Family, options: GenaiOptions = {}): ModelFile[] {
  const { config } = family;
  const number = (key: string) => config[key] as number;
  const type = config.model_type as string;
  const [heads, kv_heads, layers] = ['num_attention_heads', 'num_key_value_heads', 'num_hidden_layers'].map(number);
  const hidden = number('hidden_size');
  const head_dim = number('head_dim') ?? hidden / heads;
  const gemma = type.startsWith('gemma');
  const stored = new Map<string, Matrix>(
    family.tensors.map(({ name, shape, centre, amplitude }) => [
      name,
      { shape, values: hashedValues(name, shape, centre, amplitude) },
    ]),
  );
  takeApart(stored, 'self_attn.qkv_proj', {
    q_proj: heads * head_dim,
    k_proj: kv_heads * head_dim,
    v_proj: kv_heads * head_dim,
  });
  takeApart(stored, 'mlp.gate_up_proj', {
    gate_proj: number('intermediate_size'),
    up_proj: number('intermediate_size'),
  });
  const initializers: Write[] = [];
  const nodes: Write[] = [];
  const store = (name: string, { shape, values }: Matrix): string => {
    initializers.push(tensor(name, FLOAT, shape, (message) => message.bytes(9, encodeFromFloat(values, 'F32'))));
    return name;
  };
  let states = 'input_ids';
  const add = (op_type: string, name: string, inputs: string[], ...more: Write[]): string => {
    states = `${name}/output_0`;
    nodes.push(node(op_type, inputs, [states], name, ...more));
    return states;
  };
  const epsilon = floats('epsilon', (config.rms_norm_eps ?? config.layer_norm_eps) as number);
  const norm = (hf: string, module: string) => {
    const { shape, values } = stored.get(`${hf}.weight`)!;
    const weight = store(`${module}.weight`, { shape, values: values.map((value) => value + (gemma ? 1 : 0)) });
    const bias = stored.get(`${hf}.bias`);
    const inputs = [states, weight, ...(bias ? [store(`${module}.bias`, bias)] : [])];
    add(bias ? 'LayerNormalization' : 'SimplifiedLayerNormalization', `${scopeOf(module)}/LayerNorm`, inputs, epsilon);
  };
  const linear = (module: string, hf: readonly string[]) => {
    const scope = scopeOf(module);
    const rows = hf.map((name) => stored.get(`${name}.weight`)!);
    add('MatMul', `${scope}/MatMul`, [states, store(`${module}.MatMul.weight`, transposed(stacked(rows)))]);
    const biases = hf.map((name) => stored.get(`${name}.bias`)).filter((bias) => bias !== undefined);
    if (biases.length > 0) add('Add', `${scope}/Add`, [states, store(`${module}.Add.bias`, stacked(biases))]);
  };
  const tied = !stored.has('lm_head.weight');
  const table = stored.get('model.embed_tokens.weight')!;
  if (tied) {
    store('lm_head.MatMul.weight', transposed(table));
    add('Transpose', '/model/embed_tokens/Transpose', ['lm_head.MatMul.weight']);
    add('Gather', '/model/embed_tokens/Gather', [states, 'input_ids']);
  } else add('Gather', '/model/embed_tokens/Gather', [store('model.embed_tokens.weight', table), 'input_ids']);

  const share = (config.partial_rotary_factor as number) ?? 1;
  const width = Math.trunc(head_dim * share) / 2;
  for (const [name, of] of [
    ['cos_cache', Math.cos],
    ['sin_cache', Math.sin],
  ] as const) {
    const values = Float32Array.from({ length: 4 * width }, (_, i) => {
      const angle = Math.floor(i / width) * number('rope_theta') ** (-(i % width) / width);
      return of(angle * (options.stretched ?? 1));
    });
    store(name, { shape: [4, width], values });
  }
  const activation = options.activation ?? (gemma || type === 'phi' ? 'Gelu FastGelu' : 'Sigmoid Sigmoid');
  const isPhi = type === 'phi';
  for (let layer = 0; layer < layers; layer++) {
    const [own, scope] = [`model.layers.${layer}`, `/model/layers.${layer}`];
    const hf = (module: string) => `${own}.${module}`;
    norm(hf('input_layernorm'), `${own}.input_layernorm`);
    linear(
      `${own}.attn.qkv_proj`,
      ['q', 'k', 'v'].map((part) => hf(`self_attn.${part}_proj`)),
    );
    for (const part of ['q_norm', 'k_norm']) {
      if (stored.has(hf(`self_attn.${part}.weight`))) norm(hf(`self_attn.${part}`), `${own}.attn.${part}.layernorm`);
    }
    const windowed = type === 'phi3' || (type === 'gemma2' && layer % 2 === 0);
    const window = windowed ? number('sliding_window') : -1;
    const attributes = {
      num_heads: heads,
      kv_num_heads: kv_heads,
      local_window_size: window,
      do_rotary: 1,
      ...options.attributes,
    };
    const scale = type === 'gemma2' ? 1 / Math.sqrt(number('query_pre_attn_scalar')) : 1 / Math.sqrt(head_dim);
    add(
      'GroupQueryAttention',
      `${scope}/attn/GroupQueryAttention`,
      [states, '', '', '', '', '', '', 'cos_cache', 'sin_cache'],
      (message) => message.string(7, 'com.microsoft'),
      ...Object.entries(attributes).map(([name, value]) => ints(name, value)),
      floats('scale', scale),
      floats('softcap', (config.attn_logit_softcapping as number) ?? 0),
    );
    linear(`${own}.attn.o_proj`, [hf(isPhi ? 'self_attn.dense' : 'self_attn.o_proj')]);
    for (const module of ['post_attention_layernorm', 'pre_feedforward_layernorm']) {
      if (stored.has(hf(`${module}.weight`))) norm(hf(module), `${own}.${module}`);
    }
    for (const module of isPhi ? ['fc1'] : ['gate_proj', 'up_proj'])
      linear(`${own}.mlp.${module}`, [hf(`mlp.${module}`)]);
    const [op_type, name] = activation.split(' ');
    add(op_type, `${scope}/mlp/act_fn/${name}`, [states]);
    linear(`${own}.mlp.${isPhi ? 'fc2' : 'down_proj'}`, [hf(`mlp.${isPhi ? 'fc2' : 'down_proj'}`)]);
    if (stored.has(hf('post_feedforward_layernorm.weight'))) {
      norm(hf('post_feedforward_layernorm'), `${own}.post_feedforward_layernorm`);
    }
  }
  norm(isPhi ? 'model.final_layernorm' : 'model.norm', `model.layers.${layers}.final_norm_layernorm`);
  if (tied) add('MatMul', '/lm_head/MatMul', [states, 'lm_head.MatMul.weight']);
  else linear('lm_head', ['lm_head']);
  if (config.final_logit_softcapping) {
    const cap = store('/model/constants/FLOAT/cap', {
      shape: [1],
      values: Float32Array.of(number('final_logit_softcapping')),
    });
    add('Div', '/lm_head/softcap/Div', [states, cap]);
    add('Tanh', '/lm_head/softcap/Tanh', [states]);
  }
  const genai = {
    model: {
      type,
      context_length: number('max_position_embeddings'),
      vocab_size: number('vocab_size'),
      bos_token_id: 0,
      eos_token_id: 0,
      decoder: {
        filename: 'model.onnx',
        head_size: head_dim,
        hidden_size: hidden,
        num_attention_heads: heads,
        num_hidden_layers: layers,
        num_key_value_heads: kv_heads,
      },
    },
    search: {},
  };
  options.edit?.(genai);
  const model = protoModel({ nodes, initializers, inputs: ['input_ids'], outputs: [states] });
  const files: Record<string, Blob> = {
    'genai_config.json': jsonBlob(genai),
    'tokenizer.json': jsonBlob(tinyTokenizerJson()),
    'model.onnx': new Blob([model.slice()]),
  };
  return Object.entries(files).map(([path, blob]) => ({ path, blob }));
}

/** Fused projections of the checkpoint as the builder writes them: apart, or packed anew. */
function takeApart(stored: Map<string, Matrix>, fused: string, parts: Record<string, number>): void {
  for (const [name, { shape, values }] of [...stored]) {
    if (!name.endsWith(`${fused}.weight`)) continue;
    stored.delete(name);
    let row = 0;
    for (const [part, rows] of Object.entries(parts)) {
      const own = values.slice(row * shape[1], (row + rows) * shape[1]);
      stored.set(name.replace(/[^.]+(?=\.weight$)/, part), { shape: [rows, shape[1]], values: own });
      row += rows;
    }
  }
}

const scopeOf = (module: string) =>
  `/${module
    .replace(/\.layernorm$/, '')
    .replaceAll('.', '/')
    .replace('layers/', 'layers.')}`;

function stacked(parts: readonly Matrix[]): Matrix {
  const [, ...rest] = parts[0].shape;
  const rows = parts.reduce((sum, { shape }) => sum + shape[0], 0);
  return { shape: [rows, ...rest], values: Float32Array.from(parts.flatMap(({ values }) => [...values])) };
}

function transposed({ shape: [rows, columns], values }: Matrix): Matrix {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j];
  return { shape: [columns, rows], values: turned };
}
