/**
 * @file Nodes in the order in which they can be computed. A file should have them so, but ONNX Runtime sorts what it opens and its
 * own converter to float16 puts casts of inputs at the end.
 */
import type { OnnxGraph, OnnxNode } from './read_model.ts';

/** The same nodes, each behind what it uses, else as they come; with a cycle as they were. */
export function sortedGraph(graph: OnnxGraph): OnnxGraph {
  const nodes = graph.nodes.map((node) =>
    node.subgraphs.length === 0 ? node : { ...node, subgraphs: node.subgraphs.map(sortedGraph) },
  );
  return { ...graph, nodes: inOrder(nodes) ?? nodes };
}

function inOrder(nodes: readonly OnnxNode[]): OnnxNode[] | undefined {
  const producers = new Map<string, OnnxNode>();
  for (const node of nodes) for (const output of node.outputs) if (output !== '') producers.set(output, node);
  const needs = (node: OnnxNode) => [...usedBy(node)].flatMap((name) => producers.get(name) ?? []);
  const done = new Set<OnnxNode>();
  const begun = new Set<OnnxNode>();
  for (const root of nodes) {
    // Not by recursion: a graph may be thousands of nodes deep.
    const stack = [root];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      const missing = done.has(node) ? [] : needs(node).filter((needed) => !done.has(needed));
      begun.add(node);
      if (missing.length === 0) {
        done.add(node);
        stack.pop();
      } else if (missing.some((needed) => begun.has(needed))) return undefined;
      else stack.push(missing[0]);
    }
  }
  return [...done];
}

/** Values that a node takes; its subgraphs may take any of the graph around them. */
function* usedBy({ inputs, subgraphs }: OnnxNode): Generator<string> {
  yield* inputs;
  for (const { nodes, outputs } of subgraphs) {
    for (const node of nodes) yield* usedBy(node);
    for (const { name } of outputs) yield name;
  }
}
