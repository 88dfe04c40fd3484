/**
 * @file A part of a written ONNX graph as a model of its own: nodes are copied byte for byte from the file, weights come
 * from wherever the caller reads them. Field numbers: onnx.proto.
 */
import { type ByteSource, blobSource } from '../source.ts';
import { ONNX_TYPES } from './data_types.ts';
import type { OnnxModel, OnnxValue } from './read_model.ts';
import { MessageReader } from './read_wire.ts';
import { ProtoWriter } from './wire.ts';

const TYPE_NUMBERS = new Map([...ONNX_TYPES].map(([number, { name }]) => [name, number]));

/** NodeProto messages of the graph, in its order. Throws what {@link MessageReader} throws. */
export async function readNodeMessages(source: ByteSource): Promise<Uint8Array[]> {
  const nodes: Uint8Array[] = [];
  const model = MessageReader.of(source);
  for (let field = await model.next(); field; field = await model.next()) {
    if (field.number !== 7) continue;
    const graph = model.child(field);
    for (let part = await graph.next(); part; part = await graph.next()) {
      if (part.number === 1) nodes.push((await graph.bytes(part)).slice());
    }
  }
  return nodes;
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

/** ModelProto of the part, weights inline; made in one buffer, into which the weights are read. */
export async function partModel(
  { ir_version, opsets }: Pick<OnnxModel, 'ir_version' | 'opsets'>,
  part: GraphPart,
): Promise<Uint8Array> {
  const before = new ProtoWriter();
  for (const node of part.nodes) before.bytes(1, node);
  before.string(2, 'part');
  const headers = part.tensors.map(({ name, type, dims, bytes }) => {
    const tensor = new ProtoWriter();
    for (const size of dims) tensor.int(1, size);
    tensor.int(2, numberOf(type)).string(8, name).announceBytes(9, bytes);
    return new ProtoWriter()
      .announceBytes(5, tensor.byteLength + bytes)
      .raw(tensor.finish())
      .finish();
  });
  const after = new ProtoWriter();
  for (const input of part.inputs) after.message(11, (message) => writeValue(message, input));
  for (const name of part.outputs) after.message(12, (message) => message.string(1, name));

  let graphBytes = before.byteLength + after.byteLength;
  for (const [i, header] of headers.entries()) graphBytes += header.byteLength + part.tensors[i].bytes;
  const head = new ProtoWriter().int(1, ir_version);
  for (const [domain, version] of opsets) head.message(8, (opset) => opset.string(1, domain).int(2, version));
  head.announceBytes(7, graphBytes);

  const model = new Uint8Array(head.byteLength + graphBytes);
  let at = 0;
  const put = (bytes: Uint8Array) => {
    model.set(bytes, at);
    at += bytes.byteLength;
  };
  put(head.finish());
  put(before.finish());
  for (const [i, header] of headers.entries()) {
    put(header);
    const { bytes, fill } = part.tensors[i];
    await fill(model.subarray(at, at + bytes));
    at += bytes;
  }
  put(after.finish());
  return model;
}

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
