/**
 * @file ONNX structures as plain data. Names are those of onnx.proto (github.com/onnx/onnx, Apache-2.0); only what an
 * exporter of decoders needs is here. Weights are not held: an {@link Initializer} says how to produce its bytes.
 */

/** Element types that Whittle writes, with the numbers of `TensorProto.DataType`. */
export const DATA_TYPE = { FLOAT: 1, UINT8: 2, INT64: 7, FLOAT16: 10, BFLOAT16: 16 } as const;
export type DataType = keyof typeof DATA_TYPE;

export const DATA_TYPE_BYTES: Record<DataType, number> = { FLOAT: 4, UINT8: 1, INT64: 8, FLOAT16: 2, BFLOAT16: 2 };

export type Attribute =
  | { name: string; kind: 'int'; value: number }
  | { name: string; kind: 'ints'; value: readonly number[] };

export interface Node {
  readonly op_type: string;
  /** Operator set; absent is ONNX's own. */
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
}

/** A stored tensor; `chunks` yields exactly dims × element size bytes, little-endian and row-major. */
export interface Initializer {
  readonly name: string;
  readonly data_type: DataType;
  readonly dims: readonly number[];
  chunks(): AsyncIterable<Uint8Array>;
}

/** A graph input or output; a string in `shape` names a dynamic axis. */
export interface ValueInfo {
  readonly name: string;
  readonly data_type: DataType;
  readonly shape: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface Model {
  readonly ir_version: number;
  readonly opset_version: number;
  /** Versions of the other operator sets that nodes name as their `domain`. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly producer_name: string;
  readonly producer_version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: Graph;
}

export function initializerBytes(initializer: Initializer): number {
  return initializer.dims.reduce((product, size) => product * size, 1) * DATA_TYPE_BYTES[initializer.data_type];
}
