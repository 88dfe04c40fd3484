/** Nodes in the order that they need, whatever order a file has them in. */
import { describe, expect, it } from 'vitest';
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import { sortedGraph } from './sort_graph.ts';

const node = (inputs: string[], outputs: string[], subgraphs: OnnxGraph[] = []): OnnxNode => ({
  ...{ op_type: 'A', domain: '', name: outputs[0], inputs, outputs, ints: new Map(), floats: new Map(), subgraphs },
});
const graph = (nodes: OnnxNode[], outputs: string[] = []): OnnxGraph => ({
  ...{ name: '', nodes, initializers: new Map(), inputs: [{ name: 'x' }], outputs: outputs.map((name) => ({ name })) },
});
const order = ({ nodes }: OnnxGraph) => nodes.map(({ name }) => name);

/** A number of [0, 1) by its seed: Lehmer's generator. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 48271) % 2147483647;
    yield state / 2147483647;
  }
}

describe('sortedGraph', () => {
  it.each([1, 2, 3, 4, 5])('puts each node behind what it uses, seed %i', (seed) => {
    const next = random(seed);
    const draw = (below: number) => Math.floor(next.next().value * below);
    const nodes = Array.from({ length: 60 }, (_, i) => {
      const inputs = Array.from({ length: draw(4) }, () => (i === 0 ? 'x' : `v${draw(i)}`));
      const captured = i > 0 && draw(3) === 0 ? [graph([node([`v${draw(i)}`], [`w${i}`])], [`v${draw(i)}`])] : [];
      return node(inputs, [`v${i}`], captured);
    });
    expect(order(sortedGraph(graph(nodes)))).toEqual(order(graph(nodes)));

    const shuffled = nodes.map((each) => ({ each, at: next.next().value })).sort((a, b) => a.at - b.at);
    const sorted = sortedGraph(graph(shuffled.map(({ each }) => each)));
    expect(order(sorted).sort()).toEqual(order(graph(nodes)).sort());
    const made = new Set(['x']);
    for (const { inputs, outputs, subgraphs } of sorted.nodes) {
      const inner = subgraphs.flatMap((part) => [...part.nodes.flatMap((each) => each.inputs), part.outputs[0].name]);
      expect([...inputs, ...inner].filter((name) => !made.has(name))).toEqual([]);
      for (const output of outputs) made.add(output);
    }
  });

  it('sorts a chain of thousands that is stored backwards, and subgraphs', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => node([i === 0 ? 'x' : `v${i - 1}`], [`v${i}`])).reverse();
    expect(order(sortedGraph(graph(chain)))).toEqual(order(graph(chain.toReversed())));
    const inside = graph([node(['b'], ['c']), node(['x'], ['b'])], ['c']);
    const [outer] = sortedGraph(graph([node(['x'], ['y'], [inside])])).nodes;
    expect(order(outer.subgraphs[0])).toEqual(['b', 'c']);
  });

  it('leaves a cycle as it is', () => {
    const nodes = [node(['b'], ['a']), node(['a'], ['b']), node(['c'], ['c'])];
    expect(order(sortedGraph(graph(nodes)))).toEqual(['a', 'b', 'c']);
    expect(order(sortedGraph(graph([nodes[2]])))).toEqual(['c']);
  });
});
