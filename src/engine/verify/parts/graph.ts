/**
 * @file Who depends on what in an exported decoder's graph. Values that depend on the tokens flow from part to part;
 * everything else (constants, masks, angles) is made anew in each part that needs it.
 */
import type { OnnxGraph, OnnxNode } from '../../../formats/onnx/read_model.ts';
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';

/** The input whose values are tokens. */
export const TOKENS = 'input_ids';

/** What a set of nodes needs beside the values that flow: nodes and weights, by index and name. */
export interface Side {
  readonly nodes: ReadonlySet<number>;
  readonly tensors: ReadonlySet<string>;
}

export class FlowGraph {
  /** Nodes of which a result depends on the tokens, in order. */
  readonly main: readonly number[];
  private readonly makers = new Map<string, number>();
  private readonly flowing = new Set<string>([TOKENS]);
  private readonly sides = new Map<string, Side>();

  constructor(readonly graph: OnnxGraph) {
    const main: number[] = [];
    for (const [index, node] of graph.nodes.entries()) {
      for (const output of node.outputs) this.makers.set(output, index);
      // A shape is the same for all texts of one length.
      if (node.op_type === 'Shape' || !node.inputs.some((input) => this.flowing.has(input))) continue;
      main.push(index);
      for (const output of node.outputs) this.flowing.add(output);
    }
    this.main = main;
  }

  node(index: number): OnnxNode {
    return this.graph.nodes[index];
  }

  flows(value: string): boolean {
    return this.flowing.has(value);
  }

  /** The node that makes a value. */
  maker(value: string): number | undefined {
    return this.makers.get(value);
  }

  tensor(value: string): StoredTensor | undefined {
    return this.graph.initializers.get(value);
  }

  /** Everything that a value which does not flow is made of; nothing for one that does. */
  side(value: string): Side {
    const known = this.sides.get(value);
    if (known) return known;
    const nodes = new Set<number>();
    const tensors = new Set<string>();
    if (this.tensor(value)) tensors.add(value);
    const index = this.makers.get(value);
    if (index !== undefined && !this.flowing.has(value)) {
      for (const input of this.node(index).inputs) {
        for (const node of this.side(input).nodes) nodes.add(node);
        for (const tensor of this.side(input).tensors) tensors.add(tensor);
      }
      nodes.add(index);
    }
    const side = { nodes, tensors };
    this.sides.set(value, side);
    return side;
  }

  sideOf(indices: Iterable<number>): Side {
    const nodes = new Set<number>();
    const tensors = new Set<string>();
    for (const index of indices) {
      for (const input of this.node(index).inputs) {
        for (const node of this.side(input).nodes) nodes.add(node);
        for (const tensor of this.side(input).tensors) tensors.add(tensor);
      }
    }
    return { nodes, tensors };
  }
}

/** Bytes that a weight takes in the runtime: floats are widened when a session begins. */
export function runtimeBytes({ type, elements, bytes }: StoredTensor): number {
  return type.name === 'FLOAT16' || type.name === 'BFLOAT16' ? 4 * elements : bytes;
}
