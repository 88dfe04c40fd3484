/**
 * @file Products whose weights belong to no module that the graph names. torch's newer exporter tells modules by notes on its nodes
 * (`pkg.torch.onnx.name_scopes`), and ONNX Runtime's optimiser and quantisers write nodes without them.
 */
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';
import { scopeOf, Values } from './weight_uses.ts';

const PRODUCTS: ReadonlySet<string> = new Set(['MatMul', 'FusedMatMul', 'Gemm', 'FusedGemm']);

export interface Nameless {
  readonly count: number;
  /** One of the nodes, or its operator where it has no name. */
  readonly example: string;
}

/** @param named Tensors that are somebody's. The graph's own nodes alone: a loop's body has products of its own. */
export function namelessProducts(graph: OnnxGraph, named: ReadonlySet<StoredTensor>): Nameless | undefined {
  const values = new Values(graph);
  const isNameless = (node: OnnxNode) => {
    if (!PRODUCTS.has(node.op_type) || scopeOf(node) !== '') return false;
    const weight = values.trace(node.inputs[1])?.tensor;
    return weight !== undefined && weight.dims.length === 2 && !named.has(weight);
  };
  const found = graph.nodes.filter(isNameless);
  if (found.length === 0) return undefined;
  return { count: found.length, example: found[0].name || found[0].op_type };
}
