/** @file Reads back just enough of an ONNX file to check how it was written. */

/** Field number → values: numbers for varints, bytes for everything with a length. */
export type Message = Map<number, (number | Uint8Array)[]>;

export function decodeMessage(bytes: Uint8Array): Message {
  const message: Message = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    let value: number | Uint8Array;
    if ((tag & 7) === 0) value = varint();
    else if ((tag & 7) === 2) {
      const length = varint();
      if (at + length > bytes.length)
        throw new Error(`Field ${tag >>> 3} ends ${at + length - bytes.length} bytes too late.`);
      value = bytes.subarray(at, at + length);
      at += length;
    } else throw new Error(`Wire type ${tag & 7} of field ${tag >>> 3} is not expected.`);
    const field = tag >>> 3;
    message.set(field, [...(message.get(field) ?? []), value]);
  }
  return message;
}

export function textOf(message: Message, field: number): string {
  return new TextDecoder().decode(message.get(field)?.[0] as Uint8Array);
}

export function messagesOf(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((value) => decodeMessage(value as Uint8Array));
}

export interface DecodedTensor {
  name: string;
  dims: number[];
  data_type: number;
  raw_data?: Uint8Array;
  external?: { location: string; offset: number; length: number };
}

export interface DecodedModel {
  ir_version: number;
  opset_version: number;
  producer_name: string;
  metadata: Record<string, string>;
  node_names: string[];
  op_types: Set<string>;
  initializers: Map<string, DecodedTensor>;
}

export function decodeOnnx(bytes: Uint8Array): DecodedModel {
  const model = decodeMessage(bytes);
  const [graph] = messagesOf(model, 7);
  const nodes = messagesOf(graph, 1);
  const pairs = (message: Message, field: number) =>
    Object.fromEntries(messagesOf(message, field).map((entry) => [textOf(entry, 1), textOf(entry, 2)]));
  const initializers = messagesOf(graph, 5).map((tensor): DecodedTensor => {
    const { location, offset, length } = pairs(tensor, 13);
    return {
      name: textOf(tensor, 8),
      dims: (tensor.get(1) ?? []) as number[],
      data_type: tensor.get(2)?.[0] as number,
      raw_data: tensor.get(9)?.[0] as Uint8Array | undefined,
      external: tensor.has(13) ? { location, offset: Number(offset), length: Number(length) } : undefined,
    };
  });
  return {
    ir_version: model.get(1)?.[0] as number,
    opset_version: messagesOf(model, 8)[0].get(2)?.[0] as number,
    producer_name: textOf(model, 2),
    metadata: pairs(model, 14),
    node_names: nodes.map((node) => textOf(node, 3)),
    op_types: new Set(nodes.map((node) => textOf(node, 4))),
    initializers: new Map(initializers.map((tensor) => [tensor.name, tensor])),
  };
}
