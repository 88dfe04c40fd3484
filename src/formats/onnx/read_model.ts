/**
 * @file Reads the structure of an ONNX model: versions, graph, and where weights lie; no weight. Field numbers:
 * onnx.proto (github.com/onnx/onnx). The graph is not run: it only tells which initialiser is which weight.
 */
import { quoteText } from '../json.ts';
import { recogniseForeign, SIGNATURE_BYTES } from '../recognise.ts';
import type { ByteSource } from '../source.ts';
import { ONNX_TYPES } from './data_types.ts';
import { checkGraph } from './read_check.ts';
import { bad, readEntry, readTensor, type StoredTensor } from './read_tensor.ts';
import { type Field, MessageReader } from './read_wire.ts';
import { sortedGraph } from './sort_graph.ts';

/** A protobuf message cannot be longer (protobuf.dev/programming-guides/encoding, "Size limits"). */
const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;
/** IR 3 brought opset imports; the upper bounds leave room for what comes, since nothing here depends on operators. */
const IR_VERSIONS = [3, 20] as const;
const OPSETS = [1, 40] as const;
/** Subgraphs (If, Loop, Scan) inside subgraphs. */
const MAX_GRAPH_DEPTH = 8;
/** Longer integer lists of attributes (none of a decoder's) are cut. */
const MAX_INTS = 4096;

export interface OnnxModel {
  readonly ir_version: number;
  /** Domain → version; '' is ONNX itself. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer_name: string;
  readonly producer_version: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Functions of the model's own; their bodies are not looked at. */
  readonly functions: number;
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly op_type: string;
  readonly domain: string;
  readonly name: string;
  /** '' stands for an optional input that is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints: ReadonlyMap<string, readonly number[]>;
  readonly floats: ReadonlyMap<string, number>;
  /** The value of a Constant. */
  readonly tensor?: StoredTensor;
  readonly subgraphs: readonly OnnxGraph[];
  /** Modules around the node, outermost first, as torch's newer exporter notes them. */
  readonly name_scopes?: string;
  /** Offsets of its message in the file; absent of nodes that are made here. */
  readonly place?: { readonly start: number; readonly end: number };
}

export interface OnnxValue {
  readonly name: string;
  /** Absent for sequences, maps and the like. */
  readonly type?: string;
  /** Numbers, names of dynamic axes, '?'; absent where the rank is not known. */
  readonly shape?: readonly (number | string)[];
}

/** Throws `not_a_model` (another format), `bad_onnx`, `truncated_file`. */
export async function readOnnxModel(source: ByteSource): Promise<OnnxModel> {
  const file = source.name;
  const foreign = recogniseForeign(file, await source.read(0, Math.min(source.size, SIGNATURE_BYTES)), 'an ONNX model');
  if (foreign) throw foreign;
  if (source.size > MAX_PROTOBUF_BYTES) {
    throw bad(file, `The file has ${source.size} bytes; ONNX over 2 GiB must use external data.`);
  }
  const message = MessageReader.of(source);
  let ir_version: number | undefined;
  let producer_name = '';
  let producer_version = '';
  let functions = 0;
  let graph: OnnxGraph | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) ir_version = message.int(field);
    else if (field.number === 2) producer_name = await message.string(field);
    else if (field.number === 3) producer_version = await message.string(field);
    else if (field.number === 7) {
      if (graph) throw bad(file, `There are two graphs, the second at byte ${field.start}.`);
      graph = await readGraph(message.child(field), file, 0);
    } else if (field.number === 8) {
      const [domain, version] = await readOpset(message.child(field));
      opsets.set(domain === 'ai.onnx' ? '' : domain, version);
    } else if (field.number === 14) metadata.set(...(await readEntry(message.child(field))));
    else if (field.number === 25) functions++;
  }
  if (!graph) throw bad(file, 'This is not an ONNX model: there is no graph.', {}, 'a model with a graph');
  checkVersion(file, 'ir_version', ir_version, IR_VERSIONS);
  checkVersion(file, 'opset_import', opsets.get(''), OPSETS);
  graph = sortedGraph(graph);
  checkGraph(file, graph);
  return { ir_version: ir_version!, opsets, producer_name, producer_version, metadata, functions, graph };
}

function checkVersion(file: string, field: string, found: number | undefined, [low, high]: readonly [number, number]) {
  if (found !== undefined && found >= low && found <= high) return;
  throw bad(file, `The ${field} is ${found ?? 'missing'}.`, { field }, `${low} to ${high}`);
}

async function readOpset(message: MessageReader): Promise<[string, number]> {
  let domain = '';
  let version = 0;
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) domain = await message.string(field);
    else if (field.number === 2) version = message.int(field);
  }
  return [domain, version];
}

async function readGraph(message: MessageReader, file: string, depth: number): Promise<OnnxGraph> {
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, StoredTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) {
      const { start, end } = field;
      nodes.push({ ...(await readNode(message.child(field), file, depth)), place: { start, end } });
    } else if (field.number === 2) name = await message.string(field);
    else if (field.number === 5) {
      const tensor = await readTensor(message.child(field), file);
      if (initializers.has(tensor.name)) {
        throw bad(file, `The initialiser ${quoteText(tensor.name)} is given twice.`, { tensor: tensor.name });
      }
      initializers.set(tensor.name, tensor);
    } else if (field.number === 11) inputs.push(await readValue(message.child(field)));
    else if (field.number === 12) outputs.push(await readValue(message.child(field)));
    else if (field.number === 15) throw bad(file, 'A weight is stored as a sparse initialiser, which is not read.');
  }
  return { name, nodes, initializers, inputs, outputs };
}

async function readNode(message: MessageReader, file: string, depth: number): Promise<OnnxNode> {
  let op_type = '';
  let domain = '';
  let name = '';
  let name_scopes: string | undefined;
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Field[] = [];
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) inputs.push(await message.string(field));
    else if (field.number === 2) outputs.push(await message.string(field));
    else if (field.number === 3) name = await message.string(field);
    else if (field.number === 4) op_type = await message.string(field);
    else if (field.number === 5) attributes.push(field);
    else if (field.number === 7) domain = await message.string(field);
    else if (field.number === 9) {
      const [key, value] = await readEntry(message.child(field));
      if (key === 'pkg.torch.onnx.name_scopes') name_scopes = value;
    }
  }
  if (domain === 'ai.onnx') domain = '';
  const ints = new Map<string, readonly number[]>();
  const floats = new Map<string, number>();
  const subgraphs: OnnxGraph[] = [];
  let tensor: StoredTensor | undefined;
  for (const field of attributes) {
    const attribute = await readAttribute(message.child(field), file, outputs[0] || name || op_type, depth);
    if (attribute.ints.length > 0) ints.set(attribute.name, attribute.ints);
    if (attribute.float !== undefined) floats.set(attribute.name, attribute.float);
    subgraphs.push(...attribute.graphs);
    if (op_type === 'Constant' && attribute.name === 'value') tensor = attribute.tensor;
  }
  return { op_type, domain, name, inputs, outputs, ints, floats, tensor, subgraphs, name_scopes };
}

async function readAttribute(message: MessageReader, file: string, owner: string, depth: number) {
  let name = '';
  let tensor: StoredTensor | undefined;
  let float: number | undefined;
  const ints: number[] = [];
  const graphs: OnnxGraph[] = [];
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) name = await message.string(field);
    else if (field.number === 2) float = await message.float(field);
    else if (field.number === 3) ints.push(message.int(field));
    else if (field.number === 5) tensor = await readTensor(message.child(field), file, owner);
    else if (field.number === 8) ints.push(...(await message.ints(field, MAX_INTS)));
    else if (field.number === 6 || field.number === 11) {
      if (depth >= MAX_GRAPH_DEPTH) throw bad(file, `Subgraphs are nested too deep, at byte ${field.start}.`);
      graphs.push(await readGraph(message.child(field), file, depth + 1));
    }
  }
  return { name, tensor, ints, float, graphs };
}

async function readValue(message: MessageReader): Promise<OnnxValue> {
  let name = '';
  let type: string | undefined;
  let shape: (number | string)[] | undefined;
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) name = await message.string(field);
    else if (field.number === 2) {
      const kind = message.child(field);
      for (let inner = await kind.next(); inner; inner = await kind.next()) {
        if (inner.number !== 1) continue;
        const tensor = kind.child(inner);
        for (let part = await tensor.next(); part; part = await tensor.next()) {
          if (part.number === 1) type = ONNX_TYPES.get(tensor.int(part))?.name ?? `type ${part.value}`;
          else if (part.number === 2) shape = await readShape(tensor.child(part));
        }
      }
    }
  }
  return { name, type, shape };
}

async function readShape(message: MessageReader): Promise<(number | string)[]> {
  const shape: (number | string)[] = [];
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number !== 1) continue;
    const dim = message.child(field);
    let size: number | string = '?';
    for (let part = await dim.next(); part; part = await dim.next()) {
      if (part.number === 1) size = dim.int(part);
      else if (part.number === 2) size = await dim.string(part);
    }
    shape.push(size);
  }
  return shape;
}
