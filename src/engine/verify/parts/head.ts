/** @file The head of an exported graph, which is cut into blocks of the vocabulary: weights, biases and all. */
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';
import type { FlowGraph } from './graph.ts';

/** Which values of a weight belong to a token: rows of the first axis, or columns of a matrix. */
export type VocabularyAxis = 'rows' | 'columns';

export interface Head {
  /** The product with the table, and what is done with each logit after it; indices in order. */
  readonly nodes: readonly number[];
  /** Of the nodes, the product: MatMulNBits says the vocabulary in an attribute. */
  readonly product: number;
  /** The states that it reads. */
  readonly input: string;
  readonly vocabulary: number;
  /** Weights that have a part for each token. */
  readonly cut: ReadonlyMap<string, VocabularyAxis>;
}

/** Operators that treat each logit by itself. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div', 'Tanh', 'Cast', 'Identity']);

/** Undefined where the graph does not end in a product with a table: then it is run as it is. */
export function findHead(flow: FlowGraph, logits: string): Head | undefined {
  const nodes: number[] = [];
  for (let value = logits; ; ) {
    const index = flow.maker(value);
    if (index === undefined || !flow.flows(value)) return undefined;
    nodes.unshift(index);
    const { op_type, inputs } = flow.node(index);
    const flowing = inputs.filter((input) => flow.flows(input));
    if (flowing.length !== 1) return undefined;
    if ((op_type === 'MatMul' || op_type === 'MatMulNBits') && flowing[0] === inputs[0]) {
      return described(flow, nodes, index, inputs);
    }
    if (!ELEMENTWISE.has(op_type)) return undefined;
    value = flowing[0];
  }
}

function described(flow: FlowGraph, nodes: number[], product: number, inputs: readonly string[]): Head | undefined {
  const cut = new Map<string, VocabularyAxis>();
  let vocabulary: number | undefined;
  if (flow.node(product).op_type === 'MatMulNBits') {
    for (const name of inputs.slice(1)) {
      if (!flow.tensor(name)) return undefined;
      cut.set(name, 'rows');
    }
    vocabulary = flow.tensor(inputs[1])?.dims[0];
  } else {
    const found = matrixOf(flow, inputs[1]);
    if (!found) return undefined;
    cut.set(found.tensor.name, found.axis);
    vocabulary = found.tensor.dims[found.axis === 'rows' ? 0 : 1];
  }
  if (vocabulary === undefined) return undefined;
  for (const tensor of flow.sideOf(nodes.filter((index) => index !== product)).tensors) {
    const { dims, elements } = flow.tensor(tensor) as StoredTensor;
    if (dims.length === 1 && dims[0] === vocabulary) cut.set(tensor, 'rows');
    else if (elements !== 1) return undefined;
  }
  return { nodes, product, input: inputs[0], vocabulary, cut };
}

/** The weight behind casts and transposes; a product takes (in, vocabulary). */
function matrixOf(flow: FlowGraph, value: string): { tensor: StoredTensor; axis: VocabularyAxis } | undefined {
  let axis: VocabularyAxis = 'columns';
  for (let name = value; ; ) {
    const tensor = flow.tensor(name);
    if (tensor) return tensor.dims.length === 2 ? { tensor, axis } : undefined;
    const maker = flow.maker(name);
    if (maker === undefined) return undefined;
    const { op_type, inputs } = flow.node(maker);
    if (op_type === 'Transpose') axis = axis === 'rows' ? 'columns' : 'rows';
    else if (op_type !== 'Cast') return undefined;
    name = inputs[0];
  }
}
