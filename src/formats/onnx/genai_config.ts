/**
 * @file The config.json of a model that onnxruntime-genai's builder wrote, which has none: sizes from its genai_config.json,
 * the rest from the graph, whose nodes say what is computed. What neither says, or says otherwise than the family can, is
 * refused with what to add.
 */
import { WhittleError } from '../../errors/errors.ts';
import { quoteText } from '../json.ts';
import { attentionNodes } from './genai.ts';
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';
import { rotaryTheta } from './rotary_table.ts';

const GENAI_CONFIG = 'genai_config.json';

/** Numbers of a small stored tensor. */
export type ReadNumbers = (tensor: StoredTensor) => Promise<Float32Array | undefined>;

interface GenaiType {
  readonly class_name: string;
  readonly eps: 'rms_norm_eps' | 'layer_norm_eps';
  readonly activation: 'silu' | 'gelu_tanh';
  /** Keys beside the common ones. */
  readonly more?: (facts: Facts) => Record<string, unknown>;
}

interface Facts {
  readonly scale: number;
  readonly soft_cap: number;
  readonly final_soft_cap?: number;
  /** One a layer; −1: none. */
  readonly windows: readonly number[];
  readonly has: (name: string) => boolean;
  readonly rotary_share: number;
}

const attention_bias = ({ has }: Facts) => ({ attention_bias: has('self_attn.q_proj.bias') });
const widest = (windows: readonly number[]) => Math.max(...windows);
const layerTypes = (windows: readonly number[]) =>
  windows.map((window) => (window > 0 ? 'sliding_attention' : 'full_attention'));
const GEMMA = { class_name: 'GemmaForCausalLM', eps: 'rms_norm_eps', activation: 'gelu_tanh' } as const;
const RMS = { eps: 'rms_norm_eps', activation: 'silu' } as const;

function qwenWindows({ windows }: Facts): Record<string, unknown> {
  if (widest(windows) <= 0) return { use_sliding_window: false };
  return { use_sliding_window: true, sliding_window: widest(windows), layer_types: layerTypes(windows) };
}

/** By `model.type`. */
const TYPES: Readonly<Record<string, GenaiType>> = {
  llama: {
    ...RMS,
    class_name: 'LlamaForCausalLM',
    more: (facts) => ({ ...attention_bias(facts), mlp_bias: facts.has('mlp.up_proj.bias') }),
  },
  mistral: {
    ...RMS,
    class_name: 'MistralForCausalLM',
    more: ({ windows }) => ({ sliding_window: widest(windows) > 0 ? widest(windows) : null }),
  },
  qwen2: { ...RMS, class_name: 'Qwen2ForCausalLM', more: qwenWindows },
  qwen3: {
    ...RMS,
    class_name: 'Qwen3ForCausalLM',
    more: (facts) => ({ ...attention_bias(facts), ...qwenWindows(facts) }),
  },
  phi: {
    class_name: 'PhiForCausalLM',
    eps: 'layer_norm_eps',
    activation: 'gelu_tanh',
    more: ({ rotary_share }) => ({ partial_rotary_factor: rotary_share, hidden_act: 'gelu_new', qk_layernorm: false }),
  },
  phi3: {
    ...RMS,
    class_name: 'Phi3ForCausalLM',
    more: ({ rotary_share, windows }) => ({
      partial_rotary_factor: rotary_share,
      sliding_window: widest(windows) > 0 ? widest(windows) : null,
    }),
  },
  gemma: { ...GEMMA },
  gemma2: {
    ...GEMMA,
    class_name: 'Gemma2ForCausalLM',
    more: ({ scale, soft_cap, final_soft_cap, windows }) => ({
      query_pre_attn_scalar: Math.round(1e6 / scale ** 2) / 1e6,
      attn_logit_softcapping: soft_cap || null,
      final_logit_softcapping: final_soft_cap ?? null,
      sliding_window: widest(windows) > 0 ? widest(windows) : 4096,
      layer_types: layerTypes(windows),
    }),
  },
};
/** Types whose scores may be scaled otherwise than by 1/√head_dim, capped, or windowed in some layers only. */
const SCALED: readonly string[] = ['gemma2'];
const CAPPED: readonly string[] = ['gemma2'];
const MIXED_WINDOWS: readonly string[] = ['gemma2', 'qwen2', 'qwen3'];
const WINDOWED: readonly string[] = [...MIXED_WINDOWS, 'mistral', 'phi3'];
const PARTLY_ROTATED: readonly string[] = ['phi', 'phi3'];

/** Shapes by name, as transformers names weights. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Throws `bad_config` (genai_config.json) and `unknown_architecture` (what the family, or the graph, cannot say). */
export async function configFromGenai(
  file: string,
  genai: Record<string, unknown>,
  graph: OnnxGraph,
  shapes: Shapes,
  numbers: ReadNumbers,
): Promise<Record<string, unknown>> {
  const model = recordOf(genai.model);
  const decoder = recordOf(model.decoder);
  const type = model.type;
  if (typeof type !== 'string' || !Object.hasOwn(TYPES, type)) {
    throw cannot(
      file,
      `The type of the model is ${quoteText(String(type))}`,
      'model.type',
      Object.keys(TYPES).join(', '),
    );
  }
  const refuse = (found: string, allowed: string) =>
    cannot(file, `The graph of this ${type} ${found}`, 'model.type', allowed);
  const size = (from: Record<string, unknown>, key: string, path: string): number => {
    const value = from[key];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
    throw new WhittleError({
      code: 'bad_config',
      message: `${path}${key} is ${JSON.stringify(value) ?? 'missing'}.`,
      place: { file: GENAI_CONFIG, field: `${path}${key}` },
      allowed: 'a whole number from 1',
      action: ADD_CONFIG,
    });
  };
  const inDecoder = (key: string) => size(decoder, key, 'model.decoder.');
  const layers = inDecoder('num_hidden_layers');
  const head_dim = inDecoder('head_size');
  const { class_name, eps, activation, more } = TYPES[type];
  const facts = await readFacts(graph, shapes, numbers, { layers, head_dim, refuse });
  const [full, capped] = [1 / Math.sqrt(head_dim), facts.soft_cap > 0 || facts.final_soft_cap !== undefined];
  if (!SCALED.includes(type) && Math.abs(facts.scale / full - 1) > 1e-5)
    throw refuse(`scales scores by ${facts.scale}`, `${full}`);
  if (capped && !CAPPED.includes(type)) throw refuse('caps scores or logits', 'none of either');
  const different = new Set(facts.windows);
  if (widest(facts.windows) > 0 && !WINDOWED.includes(type)) throw refuse('has sliding windows', 'none');
  if (different.size > (MIXED_WINDOWS.includes(type) ? 2 : 1) || (different.size > 1 && !different.has(-1))) {
    throw refuse(`has windows of ${[...different].join(', ')}`, 'one width');
  }
  if (facts.rotary_share !== 1 && !PARTLY_ROTATED.includes(type))
    throw refuse('rotates a part of each head', 'the whole head');
  if (facts.activation !== activation)
    throw refuse(`has the activation ${facts.activation ?? 'of another kind'}`, activation);
  const intermediate = shapes.get(`model.layers.0.mlp.${type === 'phi' ? 'fc1' : 'up_proj'}.weight`)?.[0];
  if (intermediate === undefined) throw refuse('has no up_proj', 'model.layers.0.mlp.up_proj');
  const ids = ['bos_token_id', 'eos_token_id', 'pad_token_id'].filter((key) => model[key] !== undefined);
  return {
    architectures: [class_name],
    model_type: type,
    vocab_size: size(model, 'vocab_size', 'model.'),
    hidden_size: inDecoder('hidden_size'),
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: inDecoder('num_attention_heads'),
    num_key_value_heads: inDecoder('num_key_value_heads'),
    head_dim,
    max_position_embeddings: size(model, 'context_length', 'model.'),
    hidden_act: activation === 'silu' ? 'silu' : 'gelu_pytorch_tanh',
    [eps]: facts.eps,
    rope_theta: facts.rope_theta,
    tie_word_embeddings: !shapes.has('lm_head.weight'),
    ...more?.(facts),
    ...Object.fromEntries(ids.map((key) => [key, model[key]])),
  };
}

interface Context {
  readonly layers: number;
  readonly head_dim: number;
  readonly refuse: (found: string, allowed: string) => WhittleError;
}

type Read = Facts & { readonly eps: number; readonly rope_theta: number; readonly activation?: string };

async function readFacts(graph: OnnxGraph, shapes: Shapes, numbers: ReadNumbers, context: Context): Promise<Read> {
  const { layers, head_dim, refuse } = context;
  const attention = attentionNodes(graph);
  if (attention.length !== layers || attention.some(({ op_type }) => op_type !== 'GroupQueryAttention')) {
    throw refuse(`has ${attention.length} nodes of attention`, `${layers} GroupQueryAttention`);
  }
  const same = (what: string, of: (node: OnnxNode) => number): number => {
    const [first, ...rest] = attention.map(of);
    if (rest.some((value) => value !== first)) throw refuse(`has another ${what} in some layers`, 'the same in all');
    return first;
  };
  const int = (name: string, absent: number) => (node: OnnxNode) => node.ints.get(name)?.[0] ?? absent;
  const float = (name: string) => (node: OnnxNode) => node.floats.get(name) ?? 0;
  if (same('do_rotary', int('do_rotary', 0)) !== 1 || same('rotary_interleaved', int('rotary_interleaved', 0)) !== 0) {
    throw refuse('has its rotary embedding outside of attention, or of neighbouring pairs', 'do_rotary 1');
  }
  const table = async (input: number) => {
    const tensor = graph.initializers.get(attention[0].inputs[input] ?? '');
    const values = tensor && tensor.dims.length === 2 ? await numbers(tensor) : undefined;
    if (!tensor || !values) throw refuse('has no table of angles (cos_cache, sin_cache)', 'one table of each');
    return { values, width: tensor.dims[1] };
  };
  const [cos, sin] = [await table(7), await table(8)];
  const rope_theta = rotaryTheta(cos.values, sin.values, cos.width);
  if (rope_theta === undefined) throw refuse('has a scaled rotary embedding', 'angles that are powers of one base');
  const epsilons = new Set(
    graph.nodes.filter(({ op_type }) => /Normalization$/.test(op_type)).map(({ floats }) => floats.get('epsilon')),
  );
  const [eps] = epsilons;
  if (epsilons.size !== 1 || eps === undefined) throw refuse('has norms of different epsilon, or none', 'one epsilon');
  const suffixes = new Set([...shapes.keys()].map((name) => name.replace(/^model\.layers\.\d+\./, '')));
  return {
    scale: same('scale', float('scale')) || 1 / Math.sqrt(head_dim),
    soft_cap: same('softcap', float('softcap')),
    final_soft_cap: await finalSoftCap(graph, numbers),
    windows: attention.map(int('local_window_size', -1)),
    has: (name) => suffixes.has(name),
    rotary_share: (2 * cos.width) / head_dim,
    eps: shortest(eps),
    rope_theta,
    activation: activationOf(graph),
  };
}

/** Of all layers. */
function activationOf({ nodes }: OnnxGraph): 'silu' | 'gelu_tanh' | undefined {
  const found = new Set<string>();
  for (const { name, op_type } of nodes) {
    if (/\/mlp\/act_fn\//.test(name) && op_type !== 'Mul') found.add(`${op_type} ${name.split('/').pop()}`);
  }
  const [only] = found;
  if (found.size !== 1) return undefined;
  if (/^(Sigmoid|Swish|Silu) /.test(only)) return 'silu';
  // The builder names the node after the kind of GELU, whichever operator it becomes.
  return /FastGelu/.test(only) ? 'gelu_tanh' : undefined;
}

/** What the logits are divided by in front of their tanh. */
async function finalSoftCap({ nodes, initializers }: OnnxGraph, numbers: ReadNumbers): Promise<number | undefined> {
  const node = nodes.find(({ name, op_type }) => op_type === 'Div' && /^\/lm_head\/softcap\//.test(name));
  if (!node) return undefined;
  const constants = new Map(initializers);
  for (const { outputs, tensor } of nodes) if (tensor) constants.set(outputs[0], tensor);
  const constant = constants.get(node.inputs[1]);
  return constant && (await numbers(constant))?.[0];
}

const ADD_CONFIG =
  'Put the config.json of the model that the builder was given beside the ONNX file: genai_config.json does not say it.';

function cannot(file: string, found: string, field: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${found}, and there is no config.json that says what the model is.`,
    place: { file, field },
    allowed: `${allowed}, or a config.json`,
    action: ADD_CONFIG,
  });
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The shortest decimal that is the same f32. */
function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
