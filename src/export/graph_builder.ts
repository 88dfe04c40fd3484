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
} from '../formats/onnx/model.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import { type Layout, weightInitializer } from './weight_initializer.ts';

/** Name of a value in the graph. */
export type Value = string;

export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly initializers = new Map<string, Initializer>();
  /** f32 value of each stored weight: a weight with two uses is stored and cast once. */
  private readonly weights = new Map<WeightRef, { layout: Layout; stored: Value; cast?: Value }>();
  private readonly sharedValues = new Map<string, Value>();
  private readonly names = new Set<string>();

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

  /** Adds a node whose output is a graph output. */
  output(op_type: string, name: string, inputs: readonly Value[], output: Value): void {
    this.nodes.push({ op_type, name: this.uniqueName(name), inputs, outputs: [output], attributes: [] });
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

  /** A small int64 constant: a list, or a scalar. Equal constants are stored once. */
  ints(value: readonly number[] | number): Value {
    const list = typeof value === 'number' ? [value] : value;
    const bytes = new Uint8Array(new BigInt64Array(list.map(BigInt)).buffer);
    const name = typeof value === 'number' ? `constant.int.${value}` : `constant.ints.${value.join('_')}`;
    return this.constant(name, 'INT64', typeof value === 'number' ? [] : [value.length], bytes);
  }

  /** A small float constant: a list, or a scalar. */
  floats(name: string, value: readonly number[] | number): Value {
    const list = typeof value === 'number' ? [value] : value;
    const bytes = new Uint8Array(new Float32Array(list).buffer);
    return this.constant(name, 'FLOAT', typeof value === 'number' ? [] : [list.length], bytes);
  }

  finish(name: string, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Graph {
    return { name, nodes: this.nodes, initializers: [...this.initializers.values()], inputs, outputs };
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
