/**
 * @file Linears that the graph computes without a bias, whatever the config says: an optimiser removes the addition of a bias of
 * zeros, and the bias with it (onnxslim does).
 */
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';
import { Values } from './weight_uses.ts';

/** Operators between a product and the addition of its bias. */
const PASSED: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Reshape']);
const MOST_PASSED = 4;

/** Matrices whose products meet no vector of constants next: nothing that could be a bias. */
export function bareOperands(graph: OnnxGraph): Set<StoredTensor> {
  const bare = new Set<StoredTensor>();
  const biased = new Set<StoredTensor>();
  const visit = (part: OnnxGraph, outer?: Values): void => {
    const values = new Values(part, outer);
    const consumers = new Map<string, OnnxNode[]>();
    for (const node of part.nodes) {
      for (const input of new Set(node.inputs)) {
        const known = consumers.get(input);
        if (known) known.push(node);
        else consumers.set(input, [node]);
      }
    }
    const outputs = new Set(part.outputs.map(({ name }) => name));
    const meetsVector = (value: string, steps = 0): boolean => {
      // What leaves a subgraph may meet anything outside.
      if (outer && outputs.has(value)) return true;
      return (consumers.get(value) ?? []).some((node) => {
        if (node.subgraphs.length > 0) return true;
        const hasVector = node.inputs.some((input) => values.trace(input)?.tensor.dims.length === 1);
        if (hasVector && node.op_type !== 'Reshape') return true;
        return PASSED.has(node.op_type) && (steps === MOST_PASSED || meetsVector(node.outputs[0], steps + 1));
      });
    };
    for (const node of part.nodes) {
      if (node.op_type === 'MatMul' || node.op_type === 'FusedMatMul') {
        const tensor = values.trace(node.inputs[1])?.tensor;
        if (tensor?.dims.length === 2) (meetsVector(node.outputs[0]) ? biased : bare).add(tensor);
      }
      for (const subgraph of node.subgraphs) visit(subgraph, values);
    }
  };
  visit(graph);
  for (const tensor of biased) bare.delete(tensor);
  return bare;
}
