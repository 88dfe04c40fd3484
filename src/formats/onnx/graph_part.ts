/**
 * @file A part of a written ONNX graph as a model of its own: nodes are copied byte for byte from the file, weights come
 * from wherever the caller reads them. Field numbers: onnx.proto.
 */
import { type ByteSource, blobSource } from '../source.ts';
import { ONNX_TYPES } from './data_types.ts';
import type { OnnxGraph, OnnxModel, OnnxValue } from './read_model.ts';
import { MessageReader } from './read_wire.ts';
import { ProtoWriter } from './wire.ts';

const TYPE_NUMBERS = new Map([...ONNX_TYPES].map(([number, { name }]) => [name, number]));

/** NodeProto messages of a graph that was read from this file, in its order. Throws what the source throws. */
export function readNodeMessages(source: ByteSource, { nodes }: Pick<OnnxGraph, 'nodes'>): Promise<Uint8Array[]> {
  return Promise.all(
    nodes.map(async ({ op_type, place }) => {
      if (!place) throw new Error(`A node (${op_type}) was not read from a file.`);
      return (await source.read(place.start, place.end - place.start)).slice();
    }),
  );
}

/** The same node with another value of one of its integer attributes. */
export async function withAttribute(node: Uint8Array, name: string, value: number): Promise<Uint8Array> {
  const message = MessageReader.of(blobSource('node', new Blob([node.slice()])));
  const written = new ProtoWriter();
  for (let field = await message.next(); field; field = await message.next()) {
    const content = await message.bytes(field);
    const isIt = field.number === 5 && (await attributeName(content)) === name;
    written.bytes(field.number, isIt ? intAttribute(name, value) : content);
  }
  return written.finish().slice();
}

async function attributeName(attribute: Uint8Array): Promise<string | undefined> {
  const message = MessageReader.of(blobSource('attribute', new Blob([attribute.slice()])));
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) return message.string(field);
  }
  return undefined;
}

function intAttribute(name: string, value: number): Uint8Array {
  return new ProtoWriter().string(1, name).int(3, value).int(20, 2).finish();
}

export interface PartTensor {
  readonly name: string;
  /** As ONNX names it: FLOAT, UINT8 … */
  readonly type: string;
  readonly dims: readonly number[];
  readonly bytes: number;
  /** Fills all of its bytes. */
  fill(target: Uint8Array): Promise<void>;
}

export interface GraphPart {
  readonly nodes: readonly Uint8Array[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly string[];
  readonly tensors: readonly PartTensor[];
}

/** A model with its larger weights beside it, as a file of external data that is called {@link PART_WEIGHTS}. */
export interface PartModel {
  readonly model: Uint8Array;
  readonly weights: Uint8Array;
}

export const PART_WEIGHTS = 'weights';

/** Smaller ones stay in the model: sizes and axes, which a runtime wants to know before it loads any weight. */
const LEAST_EXTERNAL_BYTES = 1024;

/**
 * The part as a model. A runtime copies a model's message, then makes tensors of it; from external data it makes them at once.
 * @param room Gives the array that weights are read into; it may be the same every time.
 */
export async function partModel(
  { ir_version, opsets }: Pick<OnnxModel, 'ir_version' | 'opsets'>,
  part: GraphPart,
  room: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Promise<PartModel> {
  const external = part.tensors.filter(({ bytes }) => !isSmall(bytes));
  const weights = room(external.reduce((sum, { bytes }) => sum + bytes, 0));
  const graph = new ProtoWriter();
  for (const node of part.nodes) graph.bytes(1, node);
  graph.string(2, 'part');
  const small = new Uint8Array(part.tensors.reduce((sum, { bytes }) => sum + (isSmall(bytes) ? bytes : 0), 0));
  const ends = { small: 0, weights: 0 };
  const places = part.tensors.map(({ bytes }) => {
    const at = isSmall(bytes) ? ends.small : ends.weights;
    ends[isSmall(bytes) ? 'small' : 'weights'] += bytes;
    return { at, values: (isSmall(bytes) ? small : weights).subarray(at, at + bytes) };
  });
  await fillAll(part.tensors, places);
  for (const [index, { name, type, dims, bytes }] of part.tensors.entries()) {
    const { at, values } = places[index];
    const message = new ProtoWriter();
    for (const size of dims) message.int(1, size);
    message.int(2, numberOf(type)).string(8, name);
    if (isSmall(bytes)) {
      graph.bytes(5, message.bytes(9, values).finish());
      continue;
    }
    for (const [key, value] of [
      ['location', PART_WEIGHTS],
      ['offset', String(at)],
      ['length', String(bytes)],
    ]) {
      message.message(13, (entry) => entry.string(1, key).string(2, value));
    }
    graph.bytes(5, message.int(14, EXTERNAL).finish());
  }
  for (const input of part.inputs) graph.message(11, (message) => writeValue(message, input));
  for (const name of part.outputs) graph.message(12, (message) => message.string(1, name));
  const model = new ProtoWriter().int(1, ir_version);
  for (const [domain, version] of opsets) model.message(8, (opset) => opset.string(1, domain).int(2, version));
  return { model: model.bytes(7, graph.finish()).finish().slice(), weights };
}

const isSmall = (bytes: number) => bytes < LEAST_EXTERNAL_BYTES;

/** Values that are asked for together: a source makes one read of those that lie side by side, and holds it until they are copied. */
const FILLED_TOGETHER_BYTES = 16 * 2 ** 20;

async function fillAll(tensors: readonly PartTensor[], places: readonly { values: Uint8Array }[]): Promise<void> {
  let asked: Promise<void>[] = [];
  let bytes = 0;
  for (const [index, tensor] of tensors.entries()) {
    if (asked.length > 0 && bytes + tensor.bytes > FILLED_TOGETHER_BYTES) {
      await Promise.all(asked);
      asked = [];
      bytes = 0;
    }
    asked.push(tensor.fill(places[index].values));
    bytes += tensor.bytes;
  }
  await Promise.all(asked);
}

/** DataLocation. */
const EXTERNAL = 1;

function writeValue(message: ProtoWriter, { name, type, shape }: OnnxValue): void {
  message.string(1, name).message(2, (kind) =>
    kind.message(1, (tensor) => {
      tensor.int(1, numberOf(type ?? 'FLOAT'));
      if (!shape) return;
      tensor.message(2, (dims) => {
        for (const size of shape) {
          dims.message(1, (dim) => (typeof size === 'number' ? dim.int(1, size) : dim.string(2, size)));
        }
      });
    }),
  );
}

function numberOf(type: string): number {
  const number = TYPE_NUMBERS.get(type);
  if (number === undefined) throw new RangeError(`ONNX has no type ${type}.`);
  return number;
}
