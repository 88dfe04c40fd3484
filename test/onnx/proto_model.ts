/** @file ONNX models written byte by byte, for tests of the reader: anything that a good writer would never write. */

import { ProtoWriter } from '../../src/formats/onnx/wire.ts';
import { type ByteSource, blobSource } from '../../src/formats/source.ts';

export type Write = (message: ProtoWriter) => void;

/** A `TensorProto`; fields are added in the order of the parts. */
export function tensor(name: string, data_type: number, dims: readonly number[], ...values: Write[]): Write {
  return (message) => {
    for (const size of dims) message.int(1, size);
    message.int(2, data_type);
    if (name) message.string(8, name);
    for (const write of values) write(message);
  };
}

export const raw =
  (bytes: number): Write =>
  (message) =>
    message.bytes(9, new Uint8Array(bytes));

export const external =
  (...entries: [string, string][]): Write =>
  (message) => {
    for (const [key, value] of entries) message.message(13, (entry) => entry.string(1, key).string(2, value));
    message.int(14, 1);
  };

export function node(op_type: string, inputs: string[], outputs: string[], name = '', ...more: Write[]): Write {
  return (message) => {
    for (const input of inputs) message.string(1, input);
    for (const output of outputs) message.string(2, output);
    message.string(3, name).string(4, op_type);
    for (const write of more) write(message);
  };
}

export const intsAttribute =
  (name: string, values: readonly number[]): Write =>
  (message) =>
    message.message(5, (attribute) => {
      attribute.string(1, name);
      for (const value of values) attribute.int(8, value);
    });

export interface ProtoGraph {
  nodes?: Write[];
  initializers?: Write[];
  inputs?: string[];
  outputs?: string[];
  more?: Write;
}

export function graph({ nodes = [], initializers = [], inputs = ['x'], outputs = [], more }: ProtoGraph): Write {
  return (message) => {
    for (const write of nodes) message.message(1, write);
    for (const write of initializers) message.message(5, write);
    for (const name of inputs) message.message(11, (value) => value.string(1, name));
    for (const name of outputs) message.message(12, (value) => value.string(1, name));
    more?.(message);
  };
}

/** A whole model; `head` replaces the versions. */
export function protoModel(parts: ProtoGraph, head: Write = versions(8, 17)): Uint8Array {
  const model = new ProtoWriter();
  head(model);
  return model.message(7, graph(parts)).finish();
}

export const versions =
  (ir_version: number, opset: number): Write =>
  (message) =>
    message.int(1, ir_version).message(8, (set) => set.string(1, '').int(2, opset));

export function sourceOf(bytes: Uint8Array, name = 'model.onnx'): ByteSource {
  return blobSource(name, new Blob([bytes.slice()]));
}
