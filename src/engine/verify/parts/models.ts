/** @file Models of the parts: nodes as they stand in the written file, with the weights that these nodes need. */
import type * as Ort from 'onnxruntime-web/wasm';
import { type GraphPart, type PartModel, partModel, withAttribute } from '../../../formats/onnx/graph_part.ts';
import type { OnnxModel, OnnxValue } from '../../../formats/onnx/read_model.ts';
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';
import type { Side } from './graph.ts';
import type { Head } from './head.ts';
import type { PartsPlan } from './plan.ts';
import type { WeightFiles } from './weights.ts';

/** Values of one window that flow between parts, by name. */
export type Values = Map<string, Ort.Tensor>;

/** The runtime's names of element types → ONNX's. */
const ONNX_TYPE: Record<string, string> = {
  ...{ float32: 'FLOAT', float16: 'FLOAT16', int64: 'INT64', int32: 'INT32', uint8: 'UINT8', bool: 'BOOL' },
};

export class PartModels {
  private room: Uint8Array = new Uint8Array();

  /** @param nodes NodeProto messages of the graph, in its order. */
  constructor(
    private readonly model: OnnxModel,
    private readonly nodes: readonly Uint8Array[],
    private readonly weights: WeightFiles,
    private readonly plan: PartsPlan,
  ) {}

  /** A run of nodes of the body. @param used Tokens whose rows of the tables it takes. @param values That flow into it. */
  body(
    nodes: readonly number[],
    outputs: readonly string[],
    used: Uint32Array | undefined,
    values: Values,
  ): Promise<PartModel> {
    const { flow, tables } = this.plan;
    const side = flow.sideOf(nodes);
    const tensors = [...side.tensors].map((name) => {
      const tensor = flow.tensor(name) as StoredTensor;
      const row_bytes = tables?.rows.get(name);
      return used && row_bytes ? this.weights.rows(tensor, used, row_bytes) : this.weights.whole(tensor);
    });
    return this.made({
      nodes: this.messages(nodes, side),
      inputs: this.inputsOf(nodes, side, values),
      outputs,
      tensors,
    });
  }

  /** The head for tokens `start … end`. */
  async head(head: Head, start: number, end: number, values: Values): Promise<PartModel> {
    const { flow } = this.plan;
    const side = flow.sideOf(head.nodes);
    const tensors = [...side.tensors].map((name) => {
      const tensor = flow.tensor(name) as StoredTensor;
      const axis = head.cut.get(name);
      return axis ? this.weights.block(tensor, axis, head.vocabulary, start, end) : this.weights.whole(tensor);
    });
    const nodes = this.messages(head.nodes, side);
    const isCounted = flow.node(head.product).op_type === 'MatMulNBits';
    if (isCounted) {
      const at = [...side.nodes, ...head.nodes].sort((a, b) => a - b).indexOf(head.product);
      nodes[at] = await withAttribute(nodes[at], 'N', end - start);
    }
    return this.made({
      nodes,
      inputs: this.inputsOf(head.nodes, side, values),
      outputs: ['logits'],
      tensors,
    });
  }

  /** Weights of one part after the other are read into the same array: until the runtime has copied them. */
  private made(part: GraphPart): Promise<PartModel> {
    return partModel(this.model, part, (bytes) => {
      if (this.room.length < bytes) this.room = new Uint8Array(bytes);
      return this.room.subarray(0, bytes);
    });
  }

  private messages(nodes: readonly number[], side: Side): Uint8Array[] {
    return [...side.nodes, ...nodes].sort((a, b) => a - b).map((index) => this.nodes[index]);
  }

  /** Inputs of the whole graph that the part asks for, and what earlier parts gave. */
  private inputsOf(nodes: readonly number[], side: Side, values: Values): OnnxValue[] {
    const { flow } = this.plan;
    const all = [...side.nodes, ...nodes];
    const made = new Set(all.flatMap((index) => flow.node(index).outputs));
    const asked = new Set(all.flatMap((index) => flow.node(index).inputs));
    const given = this.model.graph.inputs.filter(({ name }) => asked.has(name));
    const flowing = [...asked].filter((name) => values.has(name) && !made.has(name));
    const typeOf = (name: string) => ONNX_TYPE[(values.get(name) as Ort.Tensor).type];
    return [...given, ...flowing.map((name) => ({ name, type: typeOf(name) }))];
  }
}
