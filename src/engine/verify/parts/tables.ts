/** @file Tables that are read by token: of those a part takes only the rows of the text, and tokens become rows of these. */
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';
import { type FlowGraph, TOKENS } from './graph.ts';

export interface Tables {
  /** Name → bytes of one row. */
  readonly rows: ReadonlyMap<string, number>;
}

/**
 * The tables of a graph; undefined where tokens are used in another way, so that their numbers must stay.
 * Zero points may be a list, of which each token has as many bytes.
 */
export function tokenTables(flow: FlowGraph): Tables | undefined {
  const found: StoredTensor[] = [];
  for (const { op_type, inputs } of flow.graph.nodes) {
    if (!inputs.includes(TOKENS) || op_type === 'Shape') continue;
    const [data, indices] = inputs;
    const tensor = op_type === 'Gather' && indices === TOKENS ? tableOf(flow, data) : undefined;
    if (!tensor) return undefined;
    found.push(tensor);
  }
  const matrix = found.find(({ dims }) => dims.length > 1);
  if (!matrix) return undefined;
  const [vocabulary] = matrix.dims;
  const rows = new Map<string, number>();
  for (const { name, dims, bytes } of found) {
    if (dims[0] % vocabulary !== 0 || (dims.length > 1 && dims[0] !== vocabulary)) return undefined;
    rows.set(name, bytes / vocabulary);
  }
  return { rows };
}

function tableOf(flow: FlowGraph, value: string): StoredTensor | undefined {
  const tensor = flow.tensor(value);
  if (tensor) return tensor;
  const maker = flow.maker(value);
  const node = maker === undefined ? undefined : flow.node(maker);
  return node?.op_type === 'Reshape' ? flow.tensor(node.inputs[0]) : undefined;
}
