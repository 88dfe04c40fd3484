/**
 * @file Builds an ONNX graph node by node, with names that read well in Netron: a scope path (`/model/layers.0/mlp`)
 * names nodes and their outputs, weights have the names of the Hugging Face checkpoint.
 */
import {
  type Attribute,
  DATA_TYPE,
  type DataType,
  type Graph,
  type Initializer,
  type Node,
  type ValueInfo,
} from '../../formats/onnx/model.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { packedDims } from '../quantize/packed_matrix.ts';
import type { QuantizedRef } from '../quantize/quantized_ref.ts';
import { type Layout, weightInitializer } from './weight_initializer.ts';

/** Name of a value in the graph. */
export type Value = string;

/** ONNX Runtime's own operators (onnxruntime/docs/ContribOperators.md). */
export const CONTRIB_DOMAIN = 'com.microsoft';

/** Initialisers as the operators take them: OpenVINO wants constants, with neither Cast nor Reshape between. */
export interface QuantizedValues {
  /** uint8 (rows, blocks, blob). */
  codes: Value;
  /** f32 (rows, blocks). */
  scales: Value;
  /** uint8 (rows · bytes of a row). */
  zero_points?: Value;
}

export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly initializers = new Map<string, Initializer>();
  /** f32 value of each stored weight: a weight with two uses is stored and cast once. */
  private readonly weights = new Map<WeightRef, { layout: Layout; stored: Value; cast?: Value }>();
  private readonly quantizedWeights = new Map<WeightRef, QuantizedValues>();
  private readonly sharedValues = new Map<string, Value>();
  private readonly names = new Set<string>();
  private readonly renamed = new Map<Value, Value>();

  /** Adds a node of one output and returns its value. `name` is the full path; a repeated one gets a number. */
  node(op_type: string, name: string, inputs: readonly Value[], attributes: readonly Attribute[] = []): Value {
    return this.nodeWithOutputs(op_type, name, inputs, 1, attributes)[0];
  }

  nodeWithOutputs(
    op_type: string,
    name: string,
    inputs: readonly Value[],
    count: number,
    attributes: readonly Attribute[] = [],
  ): Value[] {
    const unique = this.uniqueName(name);
    const outputs = Array.from({ length: count }, (_, i) => `${unique}_output_${i}`);
    this.nodes.push({ op_type, name: unique, inputs, outputs, attributes });
    return outputs;
  }

  /** A node of {@link CONTRIB_DOMAIN}. */
  contribNode(op_type: string, name: string, inputs: readonly Value[], attributes: Record<string, number>): Value {
    const unique = this.uniqueName(name);
    const output = `${unique}_output_0`;
    this.nodes.push({
      op_type,
      domain: CONTRIB_DOMAIN,
      name: unique,
      inputs,
      outputs: [output],
      attributes: Object.entries(attributes).map(([name, value]) => ({ name, kind: 'int', value })),
    });
    return output;
  }

  /** Makes a value a graph output of this name. */
  output(value: Value, name: Value): void {
    this.renamed.set(value, name);
  }

  /** A value that many layers use: built at the first call of its `key`. */
  shared(key: string, build: () => Value): Value {
    const known = this.sharedValues.get(key);
    if (known !== undefined) return known;
    const value = build();
    this.sharedValues.set(key, value);
    return value;
  }

  cast(name: string, value: Value, to: DataType): Value {
    return this.node('Cast', name, [value], [{ name: 'to', kind: 'int', value: DATA_TYPE[to] }]);
  }

  transpose(name: string, value: Value, perm: readonly number[]): Value {
    return this.node('Transpose', name, [value], [{ name: 'perm', kind: 'ints', value: perm }]);
  }

  concat(name: string, values: readonly Value[], axis: number): Value {
    return this.node('Concat', name, values, [{ name: 'axis', kind: 'int', value: axis }]);
  }

  /** value · factor; the value itself where the factor is 1. */
  scaled(name: string, value: Value, factor: number | undefined): Value {
    if (factor === undefined || factor === 1) return value;
    return this.node('Mul', name, [value, this.scalar(factor)]);
  }

  /** cap · tanh(value / cap); the value itself where there is no cap. */
  capped(scope: string, value: Value, cap: number | undefined): Value {
    if (cap === undefined) return value;
    const share = this.node('Div', `${scope}/Div`, [value, this.scalar(cap)]);
    return this.node('Mul', `${scope}/Mul`, [this.node('Tanh', `${scope}/Tanh`, [share]), this.scalar(cap)]);
  }

  /** A weight as stored, without a cast. Its initialiser is `name` at the first use. */
  storedWeight(ref: WeightRef, name: string, layout: Layout = 'as_stored'): Value {
    const known = this.weights.get(ref);
    // One stored matrix cannot have two layouts in one file; no decoder asks for that.
    if (known?.layout === layout) return known.stored;
    const initializer = weightInitializer(ref, name, layout);
    this.initializers.set(name, initializer);
    if (!known) this.weights.set(ref, { layout, stored: name });
    return name;
  }

  /** A weight as float: the stored one, or its cast, which runtimes fold when they load the model. */
  weight(ref: WeightRef, name: string, castName: string, layout: Layout = 'as_stored'): Value {
    const stored = this.storedWeight(ref, name, layout);
    if (ref.dtype === 'F32') return stored;
    const known = this.weights.get(ref);
    if (known?.stored !== stored) return this.cast(castName, stored, 'FLOAT');
    known.cast ??= this.cast(castName, stored, 'FLOAT');
    return known.cast;
  }

  /** The parts of a quantised weight, stored once: `name`_quant, `name`_scales, `name`_zero_points. */
  quantizedWeight(ref: QuantizedRef, name: string): QuantizedValues {
    const known = this.quantizedWeights.get(ref);
    if (known) return known;
    const { quantized: matrix } = ref;
    const dims = packedDims(matrix);
    const add = (suffix: string, data_type: DataType, dims: number[], chunks: Initializer['chunks']) => {
      this.initializers.set(`${name}_${suffix}`, { name: `${name}_${suffix}`, data_type, dims, chunks });
      return `${name}_${suffix}`;
    };
    const values: QuantizedValues = {
      codes: add('quant', 'UINT8', dims.codes, () => matrix.codes()),
      scales: add('scales', 'FLOAT', dims.scales, () => matrix.scales()),
    };
    if (matrix.has_zero_points) {
      values.zero_points = add('zero_points', 'UINT8', dims.zero_points, () => matrix.zeroPoints());
    }
    this.quantizedWeights.set(ref, values);
    return values;
  }

  /** A weight of {@link INT8_ROW}, for MatMulInteger: unsigned codes (in, out) around 128, and f32 scales (out). */
  integerWeight(ref: WeightRef, name: string): { codes: Value; scales: Value } {
    const [rows, columns] = ref.shape;
    const unpacked = async () => (await ref.unpack?.()) as GroupedValues;
    const add = (suffix: string, data_type: DataType, dims: number[], bytes: (values: GroupedValues) => Uint8Array) => {
      const chunks = async function* () {
        yield bytes(await unpacked());
      };
      this.initializers.set(`${name}_${suffix}`, { name: `${name}_${suffix}`, data_type, dims, chunks });
      return `${name}_${suffix}`;
    };
    return {
      codes: add('quantized', 'UINT8', [columns, rows], ({ codes }) => {
        const turned = new Uint8Array(codes.length);
        // Two's complement → unsigned: the top bit is turned.
        for (let i = 0; i < codes.length; i++) turned[(i % columns) * rows + Math.floor(i / columns)] = codes[i] ^ 128;
        return turned;
      }),
      scales: add('scale', 'FLOAT', [rows], ({ scales }) => new Uint8Array(Float32Array.from(scales).buffer)),
    };
  }

  /** A uint8 number; equal ones are stored once. */
  byte(value: number): Value {
    return this.constant(`constant.uint8.${value}`, 'UINT8', [], Uint8Array.of(value));
  }

  /** A small int64 constant: a list, or a scalar. Equal constants are stored once. */
  ints(value: readonly number[] | number): Value {
    const list = typeof value === 'number' ? [value] : value;
    const bytes = new Uint8Array(new BigInt64Array(list.map(BigInt)).buffer);
    const name = typeof value === 'number' ? `constant.int.${value}` : `constant.ints.${value.join('_')}`;
    return this.constant(name, 'INT64', typeof value === 'number' ? [] : [value.length], bytes);
  }

  /** A small f32 constant of any shape. Equal ones are stored once, others of the same name get a number. */
  floats(name: string, values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.shared(`${name}[${dims}]=${values}`, () => {
      const bytes = new Uint8Array(new Float32Array(values).buffer);
      return this.constant(this.uniqueName(name), 'FLOAT', dims, bytes);
    });
  }

  /** An f32 number; equal ones are stored once. */
  scalar(value: number): Value {
    return this.floats(`constant.float.${value}`, [value], []);
  }

  finish(name: string, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Graph {
    const rename = (value: Value) => this.renamed.get(value) ?? value;
    const nodes = this.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }));
    return { name, nodes, initializers: [...this.initializers.values()], inputs, outputs };
  }

  private constant(name: string, data_type: DataType, dims: readonly number[], bytes: Uint8Array): Value {
    if (!this.initializers.has(name)) {
      this.initializers.set(name, {
        name,
        data_type,
        dims,
        async *chunks() {
          yield bytes;
        },
      });
    }
    return name;
  }

  private uniqueName(name: string): string {
    let unique = name;
    for (let i = 1; this.names.has(unique); i++) unique = `${name}_${i}`;
    this.names.add(unique);
    return unique;
  }
}
