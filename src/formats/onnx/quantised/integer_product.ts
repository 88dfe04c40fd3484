/**
 * @file MatMulInteger with what makes floats of its sums. ONNX Runtime's dynamic quantiser writes Cast, then a product with (scale of the
 * input · scale of the weight); others multiply by one after the other. Only weights are wanted here: a scale of the input that is
 * stored cannot be told from the weight's, and such a graph is refused.
 */
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { notRead } from './faults.ts';

/** Of a graph: the tensor that a value is stored as, the node that makes it, the nodes that read it. */
export interface Lookup {
  stored(value: string): StoredTensor | undefined;
  producer(value: string): OnnxNode | undefined;
  consumers(value: string): readonly OnnxNode[];
}

export interface IntegerProduct {
  /** The input before it was rounded, where the graph shows that, else its codes. */
  readonly x: string;
  /** The value that is x·W in floats. */
  readonly y: string;
  readonly scales: StoredTensor;
  /** Nodes that do nothing but scale. */
  readonly replaced: readonly OnnxNode[];
}

/** Cast and two products. */
const MOST_STEPS = 4;

/** Throws `unknown_architecture` where the weight's scale is not found. */
export function scaledProduct(file: string, node: OnnxNode, graph: Lookup): IntegerProduct {
  const { x, isFixed } = unrounded(node.inputs[0], graph);
  const replaced: OnnxNode[] = [];
  let y = node.outputs[0];
  let scales: StoredTensor | undefined;
  let hasInputScale = false;
  // What comes behind both is no scale of the product's.
  for (let step = 0; step < MOST_STEPS && !(scales && hasInputScale); step++) {
    const readers = graph.consumers(y);
    const [next] = readers;
    if (readers.length !== 1 || (next.op_type !== 'Cast' && next.op_type !== 'Mul')) break;
    if (next.op_type === 'Mul') {
      const factor = next.inputs[0] === y ? next.inputs[1] : next.inputs[0];
      const found = factorsOf(factor, graph);
      if ((scales && found.scales) || (hasInputScale && found.isInputScale)) break;
      scales ??= found.scales;
      hasInputScale ||= found.isInputScale;
      if (found.node && graph.consumers(factor).length === 1) replaced.push(found.node);
    }
    replaced.push(next);
    [y] = next.outputs;
  }
  if (scales && hasInputScale && !isFixed) return { x, y, scales, replaced };
  const what = scales
    ? 'multiplies codes whose scale is not found as they come (static quantisation)'
    : 'multiplies codes, and nothing behind it is the scale of its weight';
  throw notRead(file, node, what, 'Cast and Mul behind it, with a scale that is computed and one that is stored');
}

interface Factors {
  scales?: StoredTensor;
  isInputScale: boolean;
  node?: OnnxNode;
}

/** A stored scale, one that is computed, or their product. */
function factorsOf(value: string, graph: Lookup): Factors {
  const stored = graph.stored(value);
  if (stored) return { scales: stored, isInputScale: false };
  const node = graph.producer(value);
  const own = node?.op_type === 'Mul' ? node.inputs.flatMap((input) => graph.stored(input) ?? []) : [];
  // Two stored ones: of which is which nothing tells.
  return own.length === 1 ? { scales: own[0], isInputScale: true, node } : { isInputScale: own.length === 0 };
}

/** Operators between an input and its codes. */
const ROUNDING: ReadonlySet<string> = new Set(['Cast', 'Add', 'Sub', 'Clip', 'Round']);
const ENDS: ReadonlySet<string> = new Set(['DynamicQuantizeLinear', 'QuantizeLinear', 'Div']);
const MOST_ROUNDING = 6;

function unrounded(codes: string, graph: Lookup): { x: string; isFixed: boolean } {
  let at = codes;
  for (let step = 0; step < MOST_ROUNDING; step++) {
    const node = graph.producer(at);
    if (node && ENDS.has(node.op_type)) {
      const [x, scale] = node.inputs;
      return { x, isFixed: scale !== undefined && graph.stored(scale) !== undefined };
    }
    if (!node || !ROUNDING.has(node.op_type)) break;
    [at] = node.inputs;
  }
  return { x: codes, isFixed: false };
}
