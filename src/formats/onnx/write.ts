/**
 * @file Streams an ONNX model: lengths are computed first, then the weights flow through, one chunk at a time. Weights are
 * inline (`raw_data`) or in external files; a protobuf message cannot pass 2 GB, and neither can a browser's ArrayBuffer.
 * Field numbers: onnx.proto. External data: onnx/docs/ExternalData.md.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { ByteSink } from '../sink.ts';
import {
  DATA_TYPE,
  type Graph,
  type Initializer,
  initializerBytes,
  type Model,
  type Node,
  type ValueInfo,
} from './model.ts';
import { ProtoWriter } from './wire.ts';

/** Above this many bytes of weights, `auto` writes them to external files. */
export const EXTERNAL_DATA_THRESHOLD = 1.5e9;

/** An external file grows to this size, then the next one starts: browsers hold no ArrayBuffer of much more than 2 GB. */
export const EXTERNAL_FILE_BYTES = 1.9e9;

/** Offsets in the external file are multiples of this, so that a reader can map them. */
export const EXTERNAL_DATA_ALIGNMENT = 4096;

/** Smaller initialisers (constants, biases of tiny models) always stay inline: checkers and optimisers read them. */
const EXTERNAL_DATA_MINIMUM = 1024;

const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;
const DATA_LOCATION_EXTERNAL = 1;

export interface Placement {
  /** Set where the bytes are in an external file: which one, from 0, and where in it. */
  external?: { file: number; offset: number };
}

/** Where each initialiser's bytes go; `external` false keeps everything inline. */
export function placeInitializers(
  graph: Graph,
  external: boolean,
  fileBytes = EXTERNAL_FILE_BYTES,
): Map<Initializer, Placement> {
  const placements = new Map<Initializer, Placement>();
  let file = 0;
  let end = 0;
  for (const initializer of graph.initializers) {
    const bytes = initializerBytes(initializer);
    if (!external || bytes < EXTERNAL_DATA_MINIMUM) {
      placements.set(initializer, {});
      continue;
    }
    let offset = Math.ceil(end / EXTERNAL_DATA_ALIGNMENT) * EXTERNAL_DATA_ALIGNMENT;
    // A tensor lies in one file; one that is larger than a file should be has a file of its own.
    if (end > 0 && offset + bytes > fileBytes) {
      file++;
      offset = 0;
    }
    placements.set(initializer, { external: { file, offset } });
    end = offset + bytes;
  }
  return placements;
}

/** How many external files the placements name. */
export function externalFileCount(placements: ReadonlyMap<Initializer, Placement>): number {
  return Math.max(0, ...[...placements.values()].map(({ external }) => (external ? external.file + 1 : 0)));
}

/**
 * Writes the model file. Initialisers placed in external files are only named here (`dataFile` gives the plain names of
 * files beside the model); {@link writeExternalData} writes their bytes.
 */
export async function writeModel(
  model: Model,
  placements: ReadonlyMap<Initializer, Placement>,
  dataFile: (file: number) => string,
  sink: ByteSink,
): Promise<void> {
  const { graph } = model;
  const nodes = new ProtoWriter();
  for (const node of graph.nodes) nodes.message(1, (message) => writeNode(message, node));
  nodes.string(2, graph.name);

  // Each initialiser is a header (tag, length and small fields) and, inline, its raw bytes.
  const headers = graph.initializers.map((initializer) => initializerHeader(initializer, placements, dataFile));
  const values = new ProtoWriter();
  for (const value of graph.inputs) values.message(11, (message) => writeValueInfo(message, value));
  for (const value of graph.outputs) values.message(12, (message) => writeValueInfo(message, value));

  let graphBytes = nodes.byteLength + values.byteLength;
  for (const header of headers) graphBytes += header.bytes.byteLength + header.inlineBytes;

  const head = new ProtoWriter()
    .int(1, model.ir_version)
    .string(2, model.producer_name)
    .string(3, model.producer_version);
  const operators = { '': model.opset_version, ...model.domains };
  for (const [domain, version] of Object.entries(operators)) {
    head.message(8, (opset) => opset.string(1, domain).int(2, version));
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    head.message(14, (entry) => entry.string(1, key).string(2, value));
  }
  head.announceBytes(7, graphBytes);

  await sink.write(head.finish());
  await sink.write(nodes.finish());
  for (const [i, initializer] of graph.initializers.entries()) {
    await sink.write(headers[i].bytes);
    if (headers[i].inlineBytes > 0) await writeBytes(initializer, sink);
  }
  await sink.write(values.finish());
}

/** Writes one external file: every initialiser placed there at its offset, zeros between. */
export async function writeExternalData(
  placements: ReadonlyMap<Initializer, Placement>,
  file: number,
  sink: ByteSink,
): Promise<void> {
  let end = 0;
  for (const [initializer, { external }] of placements) {
    if (external?.file !== file) continue;
    const { offset } = external;
    if (offset > end) await sink.write(new Uint8Array(offset - end));
    await writeBytes(initializer, sink);
    end = offset + initializerBytes(initializer);
  }
}

async function writeBytes(initializer: Initializer, sink: ByteSink): Promise<void> {
  const expected = initializerBytes(initializer);
  let written = 0;
  for await (const chunk of initializer.chunks()) {
    written += chunk.byteLength;
    if (written > expected) break;
    await sink.write(chunk);
  }
  if (written === expected) return;
  throw new WhittleError({
    code: 'export_failed',
    message: `The weight produced ${written > expected ? 'more than' : 'only'} ${Math.min(written, expected)} bytes.`,
    place: { tensor: initializer.name },
    allowed: `${expected} bytes, as its shape [${initializer.dims.join(', ')}] says`,
    action: 'This is a fault in Whittle. Please report it with the model that you used.',
  });
}

function initializerHeader(
  initializer: Initializer,
  placements: ReadonlyMap<Initializer, Placement>,
  dataFile: (file: number) => string,
): { bytes: Uint8Array; inlineBytes: number } {
  const byteLength = initializerBytes(initializer);
  const external = placements.get(initializer)?.external;
  const tensor = new ProtoWriter();
  for (const size of initializer.dims) tensor.int(1, size);
  tensor.int(2, DATA_TYPE[initializer.data_type]).string(8, initializer.name);
  if (!external) {
    tensor.announceBytes(9, byteLength);
  } else {
    const entry = (key: string, value: string) => tensor.message(13, (m) => m.string(1, key).string(2, value));
    entry('location', dataFile(external.file));
    entry('offset', String(external.offset));
    entry('length', String(byteLength));
    tensor.int(14, DATA_LOCATION_EXTERNAL);
  }
  const inlineBytes = external ? 0 : byteLength;
  const header = new ProtoWriter().announceBytes(5, tensor.byteLength + inlineBytes).raw(tensor.finish());
  return { bytes: header.finish(), inlineBytes };
}

function writeNode(message: ProtoWriter, node: Node): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name).string(4, node.op_type);
  if (node.domain) message.string(7, node.domain);
  for (const attribute of node.attributes) {
    message.message(5, (m) => {
      m.string(1, attribute.name);
      if (attribute.kind === 'int') m.int(3, attribute.value).int(20, ATTRIBUTE_INT);
      else {
        for (const value of attribute.value) m.int(8, value);
        m.int(20, ATTRIBUTE_INTS);
      }
    });
  }
}

function writeValueInfo(message: ProtoWriter, value: ValueInfo): void {
  message.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, DATA_TYPE[value.data_type]).message(2, (shape) => {
        for (const size of value.shape) {
          shape.message(1, (dim) => (typeof size === 'number' ? dim.int(1, size) : dim.string(2, size)));
        }
      }),
    ),
  );
}
