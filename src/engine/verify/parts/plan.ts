/** @file Cuts an exported graph into parts whose weights fit into a budget, where as little as possible flows between them. */
import type { OnnxGraph } from '../../../formats/onnx/read_model.ts';
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';
import { FlowGraph, runtimeBytes } from './graph.ts';
import { findHead, type Head } from './head.ts';
import { type Tables, tokenTables } from './tables.ts';

export interface PartsPlan {
  readonly flow: FlowGraph;
  readonly tables?: Tables;
  /** Runs of nodes that depend on the tokens, in order. */
  readonly body: readonly (readonly number[])[];
  /** Absent where the graph's end cannot be cut: then the last part gives the logits. */
  readonly head?: Head;
  /** Of the head's vocabulary: tokens a block. */
  readonly block: number;
}

/** @param most_bytes Of weights in the runtime, a part; a single node that needs more is a part by itself. */
export function planParts(graph: OnnxGraph, most_bytes: number): PartsPlan {
  const flow = new FlowGraph(graph);
  const tables = tokenTables(flow);
  const head = findHead(flow, 'logits');
  const ends = new Set(head?.nodes);
  const nodes = flow.main.filter((index) => !ends.has(index) && leadsTo(flow, head?.input ?? 'logits').has(index));
  const body = cut(flow, nodes, head?.input ?? 'logits', most_bytes, tables);
  return { flow, tables, head, body, block: head ? blockOf(flow, head, most_bytes) : 0 };
}

const ancestors = new WeakMap<FlowGraph, Set<number>>();

/** Nodes that a value is made of: caches that a graph gives out as well are not asked for. */
function leadsTo(flow: FlowGraph, value: string): ReadonlySet<number> {
  const known = ancestors.get(flow);
  if (known) return known;
  const found = new Set<number>();
  const waiting = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const index = flow.maker(next);
    if (index === undefined || found.has(index)) continue;
    found.add(index);
    waiting.push(...flow.node(index).inputs);
  }
  ancestors.set(flow, found);
  return found;
}

function cut(
  flow: FlowGraph,
  nodes: readonly number[],
  last: string,
  most_bytes: number,
  tables: Tables | undefined,
): number[][] {
  const crossing = valuesAcross(flow, nodes, last);
  const parts: number[][] = [];
  let start = 0;
  let bytes = 0;
  let taken = new Set<string>();
  for (let at = 0; at < nodes.length; at++) {
    const weights = flow.sideOf([nodes[at]]).tensors;
    let more = 0;
    for (const name of weights) {
      if (!taken.has(name) && !tables?.rows.has(name)) more += runtimeBytes(flow.tensor(name) as StoredTensor);
    }
    if (bytes + more > most_bytes && at > start) {
      // The latest of the places where least flows on.
      let best = at - 1;
      for (let place = at - 1; place >= start; place--) if (crossing[place] < crossing[best]) best = place;
      parts.push(nodes.slice(start, best + 1));
      start = best + 1;
      at = best;
      bytes = 0;
      taken = new Set();
      continue;
    }
    bytes += more;
    for (const name of weights) taken.add(name);
  }
  if (start < nodes.length) parts.push(nodes.slice(start));
  return parts;
}

/** How many values made up to each node are used behind it. */
function valuesAcross(flow: FlowGraph, nodes: readonly number[], last: string): number[] {
  const made = new Map<string, number>();
  const used = new Map<string, number>([[last, nodes.length]]);
  for (const [place, index] of nodes.entries()) {
    for (const output of flow.node(index).outputs) made.set(output, place);
    for (const input of flow.node(index).inputs) {
      if (made.has(input)) used.set(input, Math.max(used.get(input) ?? 0, place));
    }
  }
  const change = new Array<number>(nodes.length + 1).fill(0);
  for (const [value, from] of made) {
    const to = used.get(value);
    if (to === undefined || to <= from) continue;
    change[from]++;
    change[to]--;
  }
  let count = 0;
  return nodes.map((_, place) => {
    count += change[place];
    return count;
  });
}

function blockOf(flow: FlowGraph, { cut: weights, vocabulary }: Head, most_bytes: number): number {
  let bytes = 0;
  for (const name of weights.keys()) bytes += runtimeBytes(flow.tensor(name) as StoredTensor);
  return Math.min(vocabulary, Math.max(1, Math.floor(most_bytes / (bytes / vocabulary))));
}
