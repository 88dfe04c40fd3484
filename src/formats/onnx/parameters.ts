/**
 * @file Finds the weights of a PyTorch model in its ONNX graph, under the names and in the layout of its state dict.
 *
 * An exporter keeps the names of most parameters. The weights of linears it stores transposed under a name of its own
 * (`onnx::MatMul_649`, `val_44`), and parameters that are equal it stores once. Both are found from the node that uses
 * them: it is named after its module (`/model/layers.0/mlp/up_proj/MatMul`), or notes the modules around it
 * (`pkg.torch.onnx.name_scopes`, torch's newer exporter).
 */
import type { OnnxGraph, OnnxModel, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';

export interface Parameter {
  readonly tensor: StoredTensor;
  /** The state dict has the transpose of what is stored. */
  readonly transposed: boolean;
  /**
   * A vector that states are multiplied by as it is, under a name of the exporter's own. Where a family adds an offset to
   * its norms' weights (Gemma: 1), the exporter has added it already.
   */
  readonly folded?: boolean;
}

const FLOATS: ReadonlySet<string> = new Set(['FLOAT', 'FLOAT16', 'BFLOAT16', 'DOUBLE']);
/** Names of values that an exporter makes up have other characters, or no dot. */
const MODULE_NAME = /^[A-Za-z_]\w*(\.\w+)+$/;
/** The last two are Whittle's own. */
const PARAMETER_NAME = /\.(weight|bias|projection|(attn|mlp)_shortcut_Q)$/;
/** The head of a model whose table serves both ends, in any family. */
const HEAD = /^(.*\.)?(lm_head|embed_out)\.weight$/;
const PASSED_THROUGH: ReadonlySet<string> = new Set(['Identity', 'Cast']);

/** Real exports have two or three operators between a weight and its use. */
const MOST_STEPS = 16;

/** Operators whose weights are stored in a quantised form. */
export const QUANTISED_OPERATORS: ReadonlySet<string> = new Set([
  'DequantizeLinear',
  'DynamicQuantizeLSTM',
  'DynamicQuantizeMatMul',
  'GatherBlockQuantized',
  'MatMulBnb4',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'QAttention',
  'QGemm',
  'QLinearMatMul',
]);

/** Angles and frequencies are no parameters. */
const ROTARY_SCOPE = /rotary|rope/i;

/** A weight as one node uses it. */
interface Use extends Parameter {
  readonly scope: string;
  readonly suffix: 'weight' | 'bias';
}

/** Values visible at one place of the graph: initialisers and what makes each value. */
class Values {
  private readonly initializers = new Map<string, StoredTensor>();
  private readonly producers = new Map<string, OnnxNode>();
  private readonly outer?: Values;

  constructor(graph: OnnxGraph, outer?: Values) {
    this.outer = outer;
    for (const [name, tensor] of graph.initializers) this.initializers.set(name, tensor);
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.producers.set(output, node);
      if (node.tensor) this.initializers.set(node.outputs[0], node.tensor);
    }
  }

  /**
   * The stored tensor that a value is, up to casts and transpositions; `flipped`: an odd number of transpositions lies
   * between.
   */
  trace(value: string | undefined): { tensor: StoredTensor; flipped: boolean } | undefined {
    let flipped = false;
    let at = value;
    for (let step = 0; at && step < MOST_STEPS; step++) {
      const tensor = this.initializer(at);
      if (tensor) return FLOATS.has(tensor.type.name) ? { tensor, flipped } : undefined;
      const node = this.producer(at);
      if (!node) return undefined;
      if (node.op_type === 'Transpose') {
        const perm = node.ints.get('perm');
        if (perm && !(perm.length === 2 && perm[0] === 1 && perm[1] === 0)) return undefined;
        flipped = !flipped;
      } else if (!PASSED_THROUGH.has(node.op_type)) return undefined;
      at = node.inputs[0];
    }
    return undefined;
  }

  private initializer(name: string): StoredTensor | undefined {
    return this.initializers.get(name) ?? this.outer?.initializer(name);
  }

  private producer(name: string): OnnxNode | undefined {
    return this.producers.get(name) ?? this.outer?.producer(name);
  }
}

/** Parameters by their name in the state dict; what is not named or not a float is left out. */
export function findParameters({ graph, producer_name }: OnnxModel): Map<string, Parameter> {
  const kept = new Map<string, StoredTensor>();
  const uses: Use[] = [];
  /** Stored as (in, out): MatMul takes them as they are. Only linears are transposed in a state dict. */
  const matmul_operands = new Set<StoredTensor>();
  const embeddings = new Set<StoredTensor>();
  const keep = (name: string, tensor: StoredTensor) => {
    if (kept.has(name) || !MODULE_NAME.test(name) || !PARAMETER_NAME.test(name)) return;
    const rank = tensor.dims.length;
    if (FLOATS.has(tensor.type.name) && (rank === 1 || rank === 2)) kept.set(name, tensor);
  };

  const visit = (part: OnnxGraph, outer?: Values): void => {
    const values = new Values(part, outer);
    for (const [name, tensor] of part.initializers) keep(name, tensor);
    for (const node of part.nodes) {
      if (node.op_type === 'Identity') {
        const source = values.trace(node.inputs[0]);
        if (source && !source.flipped) keep(node.outputs[0], source.tensor);
      }
      if (node.op_type === 'MatMul') {
        const weight = values.trace(node.inputs[1]);
        if (weight && !weight.flipped && weight.tensor.dims.length === 2) matmul_operands.add(weight.tensor);
      }
      if (node.op_type === 'Gather') {
        const table = values.trace(node.inputs[0]);
        if (table?.tensor.dims.length === 2) embeddings.add(table.tensor);
      }
      // Whittle names every weight.
      if (producer_name !== 'Whittle') uses.push(...usesOf(node, values));
      for (const subgraph of node.subgraphs) visit(subgraph, values);
    }
  };
  visit(graph);

  const parameters = new Map<string, Parameter>();
  for (const [name, tensor] of kept) {
    // An embedding that is also the head's operand is stored as the embedding reads it.
    const transposed = name.endsWith('.weight') && matmul_operands.has(tensor) && !embeddings.has(tensor);
    parameters.set(name, { tensor, transposed });
  }
  const rename = scopeRenaming(kept, uses);
  const named = new Set(kept.values());
  for (const { scope, suffix, tensor, transposed, folded } of uses) {
    const name = `${rename(scope)}.${suffix}`;
    if (!parameters.has(name)) parameters.set(name, { tensor, transposed, folded: folded && !named.has(tensor) });
  }
  // One table for both ends belongs to the embedding; newer exporters keep either of its two names.
  for (const [name, { tensor }] of parameters) {
    if (!HEAD.test(name) || !embeddings.has(tensor)) continue;
    if ([...parameters].some(([other, found]) => other !== name && found.tensor === tensor)) parameters.delete(name);
  }
  return stripWrapper(parameters);
}

function usesOf(node: OnnxNode, values: Values): Use[] {
  const scope = scopeOf(node);
  if (!scope || ROTARY_SCOPE.test(scope)) return [];
  const uses: Use[] = [];
  const take = (input: number, rank: 1 | 2, suffix: Use['suffix'], how: 'as_stored' | 'linear' | 'factor'): void => {
    const found = values.trace(node.inputs[input]);
    if (!found || found.tensor.dims.length !== rank || found.tensor.elements < 2) return;
    const { tensor, flipped } = found;
    uses.push({ scope, suffix, tensor, transposed: how === 'linear' && !flipped, folded: how === 'factor' });
  };
  switch (node.op_type) {
    case 'MatMul':
      take(1, 2, 'weight', 'linear');
      break;
    case 'Gemm':
      // With transB a linear, stored as its state dict has it; else a Conv1D (GPT-2), whose state dict has (in, out) too.
      take(1, 2, 'weight', 'as_stored');
      take(2, 1, 'bias', 'as_stored');
      break;
    case 'Gather':
      take(0, 2, 'weight', 'as_stored');
      break;
    case 'Mul':
    case 'Add': {
      // Of two constants neither is the operand of a norm or a linear.
      if (node.inputs.every((input) => values.trace(input))) break;
      const [suffix, how] = node.op_type === 'Mul' ? (['weight', 'factor'] as const) : (['bias', 'as_stored'] as const);
      take(0, 1, suffix, how);
      take(1, 1, suffix, how);
      break;
    }
    case 'LayerNormalization':
    case 'RMSNormalization':
    case 'SimplifiedLayerNormalization':
      take(1, 1, 'weight', 'factor');
      take(2, 1, 'bias', 'as_stored');
      break;
    case 'SkipLayerNormalization':
      take(2, 1, 'weight', 'factor');
      take(3, 1, 'bias', 'as_stored');
      break;
    case 'SkipSimplifiedLayerNormalization':
      take(2, 1, 'weight', 'factor');
      break;
  }
  return uses;
}

/** Dotted path of the module that a node belongs to, '' where it says none. */
function scopeOf({ name, name_scopes }: OnnxNode): string {
  // A Python list, as text: the modules around the operator, then the operator.
  const listed = [...(name_scopes ?? '').matchAll(/'([^']*)'/g)].map(([, part]) => part);
  if (listed.length > 1) return listed[listed.length - 2];
  return name.startsWith('/') ? name.split('/').slice(1, -1).join('.') : '';
}

/**
 * Scopes of some exports have one more part in front than parameters (a wrapper, `model` twice), or one less (OPT). It is
 * learnt from parameters that kept their names.
 */
function scopeRenaming(kept: ReadonlyMap<string, StoredTensor>, uses: readonly Use[]): (scope: string) => string {
  const names = new Map<StoredTensor, string[]>();
  for (const [name, tensor] of kept) names.set(tensor, [...(names.get(tensor) ?? []), name]);
  const votes = new Map<string, { cut: string; add: string; count: number }>();
  for (const { scope, suffix, tensor } of uses) {
    const [name, ...more] = names.get(tensor) ?? [];
    // A parameter that is stored once for several modules says nothing.
    if (name === undefined || more.length > 0) continue;
    const used = `${scope}.${suffix}`;
    const cut = used.endsWith(`.${name}`) ? used.slice(0, -name.length) : '';
    const add = name.endsWith(`.${used}`) ? name.slice(0, -used.length) : '';
    if (!cut && !add && name !== used) continue;
    const vote = votes.get(`${cut} ${add}`) ?? { cut, add, count: 0 };
    vote.count++;
    votes.set(`${cut} ${add}`, vote);
  }
  const best = [...votes.values()].sort((a, b) => b.count - a.count)[0];
  if (!best) return (scope) => scope;
  const { cut, add } = best;
  // The head lies beside what is added to, and may lie outside what is cut.
  return (scope) => {
    if (HEAD.test(`${scope}.weight`)) return cut && scope.startsWith(cut) ? scope.slice(cut.length) : scope;
    return scope.startsWith(cut) ? add + scope.slice(cut.length) : scope;
  };
}

/** First parts of names in the state dicts of causal language models. */
const ROOT = /^(model|transformer|gpt_neox|lm_head|embed_out|language_model)\./;

/** A model exported from inside a wrapper has one more name in front of every parameter. */
function stripWrapper(parameters: Map<string, Parameter>): Map<string, Parameter> {
  let names = [...parameters.keys()];
  let cut = 0;
  for (;;) {
    const prefix = names[0]?.slice(0, names[0].indexOf('.') + 1);
    if (!prefix || !names.every((name) => name.startsWith(prefix) && ROOT.test(name.slice(prefix.length)))) break;
    cut += prefix.length;
    names = names.map((name) => name.slice(prefix.length));
  }
  return cut === 0 ? parameters : new Map([...parameters].map(([name, parameter]) => [name.slice(cut), parameter]));
}
