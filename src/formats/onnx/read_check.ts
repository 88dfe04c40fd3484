/**
 * @file Checks that a graph whose nodes are in order (`sort_graph.ts`) is one: every value made once and before it is used. Walking back
 * from a weight's use then always ends. Source: onnx/docs/IR.md ("graphs must be in SSA form", "topologically sorted").
 */
import { quoteText } from '../json.ts';
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import { bad } from './read_tensor.ts';

/** Throws `bad_onnx` and names the node and the value; `outer` are values that a subgraph may use. */
export function checkGraph(file: string, graph: OnnxGraph, outer: readonly ReadonlySet<string>[] = []): void {
  const made = new Set<string>();
  const isKnown = (name: string) => made.has(name) || outer.some((names) => names.has(name));
  for (const { name } of graph.inputs) {
    if (made.has(name)) throw bad(file, `The graph input ${quoteText(name)} is given twice.`, { field: name });
    made.add(name);
  }
  // An initialiser may also be listed as an input, which it then gives a default.
  for (const name of graph.initializers.keys()) made.add(name);
  for (const [index, node] of graph.nodes.entries()) {
    const title = () => describeNode(node, index);
    if (node.op_type === '') throw bad(file, `${title()} has no operator.`);
    for (const input of node.inputs) {
      if (input === '' || isKnown(input)) continue;
      const later = graph.nodes.slice(index).some(({ outputs }) => outputs.includes(input));
      const found = later
        ? `${title()} uses ${quoteText(input)} before it is made: the graph has a cycle.`
        : `${title()} uses ${quoteText(input)}, which nothing makes.`;
      throw bad(file, found, { field: input });
    }
    for (const subgraph of node.subgraphs) checkGraph(file, subgraph, [made, ...outer]);
    for (const output of node.outputs) {
      if (output === '') continue;
      if (made.has(output)) throw bad(file, `${title()} makes ${quoteText(output)}, which exists already.`);
      made.add(output);
    }
  }
  for (const { name } of graph.outputs) {
    if (isKnown(name)) continue;
    throw bad(file, `Nothing makes the graph output ${quoteText(name)}.`, { field: name });
  }
}

function describeNode({ name, op_type }: OnnxNode, index: number): string {
  return `Node ${name ? quoteText(name) : `number ${index + 1}`} (${op_type || '?'})`;
}
