/**
 * @file Finds the weights of a PyTorch model in its ONNX graph, under the names and in the layout of its state dict.
 *
 * An exporter keeps the names of most parameters. The weights of linears it stores transposed under a name of its own
 * (`onnx::MatMul_649`, `val_44`), and parameters that are equal it stores once. Both are found from the node that uses
 * them: it is named after its module (`/model/layers.0/mlp/up_proj/MatMul`), or notes the modules around it
 * (`pkg.torch.onnx.name_scopes`, torch's newer exporter).
 */

import { isVirtual } from './quantised/virtual.ts';
import type { OnnxGraph, OnnxModel } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';
import { FLOATS, type Parameter, type Use, usesOf, Values } from './weight_uses.ts';

/** Names of values that an exporter makes up have other characters, or no dot. */
const MODULE_NAME = /^[A-Za-z_]\w*(\.\w+)+$/;
/** Matrices of Whittle's own, (in, out). */
const OWN_PROJECTION = /\.(projection|(attn|mlp)_shortcut_Q)$/;
/** The projection and the shortcuts are Whittle's own; an activation has parameters where it is xIELU. */
const PARAMETER_NAME = /\.(weight|bias|projection|(attn|mlp)_shortcut_Q|act_fn\.(alpha_[pn]|beta|eps))$/;
/** Constants of an activation, which torch stores without a shape. */
const NUMBER_NAME = /\.act_fn\.\w+$/;
/** The head of a model whose table serves both ends, in any family. */
const HEAD = /^(.*\.)?(lm_head|embed_out)\.weight$/;
/** Operators whose weights are stored in a quantised form that is not decoded. */
export const QUANTISED_OPERATORS: ReadonlySet<string> = new Set(['DynamicQuantizeLSTM', 'QAttention']);

/** Parameters by their name in the state dict; what is not named or not a float is left out. */
export function findParameters({ graph, producer_name }: OnnxModel): Map<string, Parameter> {
  const kept = new Map<string, StoredTensor>();
  const uses: Use[] = [];
  /** Stored as (in, out): MatMul takes them as they are. Only linears are transposed in a state dict. */
  const matmul_operands = new Set<StoredTensor>();
  /** Tables as they are stored, and tables that are the transpose of a head's operand. */
  const embeddings = new Set<StoredTensor>();
  const turned_tables = new Set<StoredTensor>();
  const keep = (given: string, tensor: StoredTensor) => {
    const name = withoutOperator(given);
    if (kept.has(name) || !MODULE_NAME.test(name) || !PARAMETER_NAME.test(name)) return;
    const rank = tensor.dims.length;
    if (FLOATS.has(tensor.type.name) && (rank === 1 || rank === 2 || (rank === 0 && NUMBER_NAME.test(name)))) {
      kept.set(name, tensor);
    }
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
        if (table?.tensor.dims.length === 2) (table.flipped ? turned_tables : embeddings).add(table.tensor);
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
    const isOperand = name.endsWith('.weight') && matmul_operands.has(tensor) && !embeddings.has(tensor);
    // A matrix (in, out) of Whittle's own, whose codes run along its columns.
    const transposed = isOperand || (isVirtual(tensor) && OWN_PROJECTION.test(name));
    parameters.set(name, { tensor, transposed });
  }
  const rename = scopeRenaming(kept, uses);
  const named = new Set(kept.values());
  for (const { scope, suffix, tensor, transposed, folded } of uses) {
    const name = `${rename(scope)}.${suffix}`;
    if (!parameters.has(name)) parameters.set(name, { tensor, transposed, folded: folded && !named.has(tensor) });
  }
  // One table for both ends belongs to the embedding; newer exporters keep either of its two names.
  const tables = new Set<StoredTensor>();
  const isTable = (tensor: StoredTensor) => embeddings.has(tensor) || turned_tables.has(tensor);
  for (const [name, { tensor }] of parameters) if (!HEAD.test(name) && isTable(tensor)) tables.add(tensor);
  for (const [name, { tensor }] of parameters) if (HEAD.test(name) && tables.has(tensor)) parameters.delete(name);
  return stripWrapper(parameters);
}

/** onnxruntime-genai's builder puts the operator into the name: `model.layers.0.mlp.up_proj.MatMul.weight`. */
function withoutOperator(name: string): string {
  return name
    .replace(/\.(MatMul|MatMulNBits|Add)(?=\.(weight|bias)$)/, '')
    .replace(/(?<=\.[qk]_norm)\.layernorm(?=\.weight$)/, '');
}

/** Letters of the longest common end of two dotted names that begins with a whole part. */
function commonEnd(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  let parts = 0;
  while (parts < Math.min(left.length, right.length) && left.at(-1 - parts) === right.at(-1 - parts)) parts++;
  return parts === 0 ? 0 : left.slice(-parts).join('.').length;
}

/**
 * Scopes of some exports have one more part in front than parameters (a wrapper, `model` twice), one less (OPT), or lack one
 * inside (OPT in a wrapper `m`: `m.decoder` for `m.model.decoder`). It is learnt from parameters that kept their names.
 */
function scopeRenaming(kept: ReadonlyMap<string, StoredTensor>, uses: readonly Use[]): (scope: string) => string {
  // A parameter that is stored once for several modules says nothing.
  const names = new Map<StoredTensor, string | undefined>();
  for (const [name, tensor] of kept) names.set(tensor, names.has(tensor) ? undefined : name);
  const votes = new Map<string, { cut: string; add: string; count: number }>();
  for (const { scope, suffix, tensor } of uses) {
    const name = names.get(tensor);
    if (name === undefined) continue;
    const end = commonEnd(`${scope}.${suffix}`, name);
    // The suffix alone says nothing.
    if (end <= suffix.length) continue;
    const cut = `${scope}.${suffix}`.slice(0, -end);
    const add = name.slice(0, -end);
    const vote = votes.get(`${cut} ${add}`) ?? { cut, add, count: 0 };
    vote.count++;
    votes.set(`${cut} ${add}`, vote);
  }
  const best = [...votes.values()].sort((a, b) => b.count - a.count)[0];
  if (!best) return (scope) => scope;
  const { cut, add } = best;
  // The head lies beside what is added to, and may lie outside what is cut.
  return (scope) => {
    const head = scope.startsWith(cut) ? scope.slice(cut.length) : scope;
    if (HEAD.test(`${scope}.weight`)) return HEAD_ROOT.test(`${head}.`) ? head : add + head;
    return scope.startsWith(cut) ? add + scope.slice(cut.length) : scope;
  };
}

/** First parts of names in the state dicts of causal language models. */
const ROOT = /^(model|transformer|gpt_neox|lm_head|embed_out|language_model)\./;

/** A head that its scope names without the wrapper. */
const HEAD_ROOT = /^(lm_head|embed_out)\./;

const MOST_WRAPPERS = 4;

const isInside = (name: string, prefix: string) => name.startsWith(prefix) && ROOT.test(name.slice(prefix.length));

/** A model exported from inside a wrapper has more names in front of every parameter: as many are cut as still leave a root. */
function stripWrapper(parameters: Map<string, Parameter>): Map<string, Parameter> {
  const names = [...parameters.keys()];
  const parts = names.find((name) => !HEAD_ROOT.test(name))?.split('.') ?? [];
  for (let count = Math.min(MOST_WRAPPERS, parts.length - 1); count > 0; count--) {
    const prefix = `${parts.slice(0, count).join('.')}.`;
    if (!names.every((name) => isInside(name, prefix) || HEAD_ROOT.test(name))) continue;
    const cut = (name: string) => (isInside(name, prefix) ? name.slice(prefix.length) : name);
    return new Map([...parameters].map(([name, parameter]) => [cut(name), parameter]));
  }
  return parameters;
}
