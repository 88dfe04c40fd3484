/**
 * @file A {@link Checkpoint} over an ONNX model: its weights under the names and in the layout of the PyTorch model.
 * Only the structure is read when it is opened.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32, encodeFromFloat } from '../../tensor/half.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import { quoteText } from '../json.ts';
import type { ByteSource } from '../source.ts';
import { bareOperands } from './bare_linears.ts';
import { locateExternal } from './external.ts';
import { genaiParameters } from './genai.ts';
import { configFromGenai } from './genai_config.ts';
import { type Nameless, namelessProducts } from './nameless.ts';
import { findParameters, QUANTISED_OPERATORS } from './parameters.ts';
import { floatGraph } from './quantised/float_graph.ts';
import { withOwnParts } from './quantised/own_parts.ts';
import { isVirtual, type ReadTensor, type VirtualTensor } from './quantised/virtual.ts';
import { type OnnxGraph, type OnnxModel, readOnnxModel } from './read_model.ts';
import { bad, type StoredTensor } from './read_tensor.ts';
import { isUnread, readStored } from './stored_bytes.ts';
import { onnxSummary, operatorCounts } from './summary.ts';
import type { Parameter } from './weight_uses.ts';

export interface OpenedOnnx {
  checkpoint: Checkpoint;
  /** Norms' weights to which an offset that the family adds (Gemma's 1) has been added already. */
  folded: ReadonlySet<string>;
  /** What the file holds, in one sentence without a full stop. */
  summary: string;
  /** Where nothing tells which module's some weights are. */
  nameless?: Nameless;
  /** The model file and the external ones that it uses. */
  files: ByteSource[];
  /** For people: what is odd but not wrong. */
  warnings: string[];
  /** config.json from what onnxruntime-genai's builder wrote. Throws what {@link configFromGenai} throws. */
  configFrom(genai: Record<string, unknown>): Promise<Record<string, unknown>>;
}

const DTYPE_OF: Readonly<Record<string, FloatType | undefined>> = {
  FLOAT: 'F32',
  FLOAT16: 'F16',
  BFLOAT16: 'BF16',
  DOUBLE: 'F32',
};
/** The first rows of a table of angles. */
const MOST_SMALL_BYTES = 2 ** 20;
/** Stored rows are taken in bands of about this size while a matrix is transposed. */
const BAND_BYTES = 16 * 2 ** 20;
/** Columns that are written side by side: as many streams as a cache holds. */
const TILE = 64;

/**
 * Opens a model whose external files `find` gives by name. Throws `bad_onnx`, `truncated_file`, `missing_shard`,
 * `not_a_model` (no weights of a language model in it) and `unknown_architecture` (weights quantised in a way that is not decoded).
 */
export async function openOnnx(
  source: ByteSource,
  find: (name: string) => ByteSource | undefined,
): Promise<OpenedOnnx> {
  const stored = await readOnnxModel(source);
  const summary = onnxSummary(stored);
  const { sources, warnings } = await locateExternal(source, stored.graph, find);
  refuseQuantised(source.name, stored, summary);
  const model = { ...stored, graph: withFloats(source.name, stored) };
  const parameters = genaiParameters(model.graph, findParameters(model));
  if (parameters.size === 0) throw noParameters(source.name, summary);
  const tensors = new Map<string, Located>();
  for (const [name, parameter] of parameters) tensors.set(name, locate(source, name, parameter, sources));
  const nameless = namelessProducts(model.graph, new Set([...parameters.values()].map(({ tensor }) => tensor)));
  const zeros = absentBiases(model.graph, tensors);
  let bytes = 0;
  for (const tensor of new Set([...tensors.values()].map((located) => located.parameter.tensor))) bytes += tensor.bytes;
  return {
    checkpoint: { tensors, zeros, bytes, read: reader(tensors, zeros) },
    folded: new Set([...parameters].filter(([, { folded }]) => folded).map(([name]) => name)),
    summary,
    ...(nameless && { nameless }),
    files: [source, ...sources.values()],
    warnings: [...warnings, ...foreignOperators(stored), ...roundedActivations(stored)],
    configFrom: (genai) => {
      const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
      return configFromGenai(source.name, genai, model.graph, shapes, (tensor) =>
        smallNumbers(tensor, source, sources),
      );
    },
  };
}

/** The graph as it would be without quantised weights. */
function withFloats(file: string, { graph, producer_name }: OnnxModel): OnnxGraph {
  const floats = floatGraph(file, graph);
  return producer_name === 'Whittle' ? withOwnParts(file, floats) : floats;
}

/** Constants and the first rows of tables: undefined for what is no float or stored in a list. */
async function smallNumbers(
  { type, bytes, location }: StoredTensor,
  model: ByteSource,
  sources: ReadonlyMap<string, ByteSource>,
): Promise<Float32Array | undefined> {
  const dtype = DTYPE_OF[type.name];
  const source = location.kind === 'external' ? sources.get(location.file) : model;
  if (!dtype || type.name === 'DOUBLE' || !source || !('offset' in location)) return undefined;
  const size = Math.min(bytes, MOST_SMALL_BYTES);
  return decodeToFloat32((await source.read(location.offset, size)).slice(), dtype);
}

interface Located extends TensorInfo {
  readonly parameter: Parameter;
  readonly source: ByteSource;
  /** Of a quantised weight: rows as stored, as F32. */
  decode?(rows: RowRange): Promise<Uint8Array>;
}

function locate(
  model: ByteSource,
  name: string,
  parameter: Parameter,
  sources: ReadonlyMap<string, ByteSource>,
): Located {
  const { tensor } = parameter;
  const { type, dims, elements, location } = tensor;
  if (isVirtual(tensor)) return locateVirtual(model, name, parameter, tensor, sources);
  refuseUnread(model.name, name, tensor);
  const source = location.kind === 'external' ? sources.get(location.file)! : model;
  const dtype = DTYPE_OF[type.name]!;
  const [whole = 0, ...rest] = parameter.transposed ? [dims[1], dims[0]] : dims;
  const count = parameter.rows ? parameter.rows.end - parameter.rows.start : whole;
  return {
    name,
    dtype,
    shape: [count, ...rest],
    bytes: (whole === 0 ? 0 : (elements / whole) * count) * (dtype === 'F32' ? 4 : 2),
    file: source.name,
    parameter,
    source,
  };
}

/** Throws `bad_onnx` for values in a list that is not read. */
function refuseUnread(file: string, name: string, tensor: StoredTensor): void {
  if (!isUnread(tensor) || tensor.location.kind !== 'list') return;
  const found = `The weight ${quoteText(name)} is stored as ${tensor.location.field}.`;
  throw bad(file, found, { tensor: name }, 'raw_data');
}

/** A weight that is decoded while it is read. Throws `bad_onnx` for parts that lie in lists. */
function locateVirtual(
  model: ByteSource,
  name: string,
  parameter: Parameter,
  { dims, elements, decoder, parts, is_out_in }: VirtualTensor,
  sources: ReadonlyMap<string, ByteSource>,
): Located {
  const sourceOf = (part: StoredTensor): ByteSource => {
    refuseUnread(model.name, part.name, part);
    return part.location.kind === 'external' ? sources.get(part.location.file)! : model;
  };
  const places = new Map(parts.map((part) => [part, sourceOf(part)]));
  const read: ReadTensor = (part, start, length) => readStored(places.get(part) ?? sourceOf(part), part, start, length);
  const [whole = 0, ...rest] = parameter.transposed ? [dims[1], dims[0]] : dims;
  const { start = 0, end = whole } = parameter.rows ?? {};
  const share = whole === 0 ? 0 : (end - start) / whole;
  const own = parameter.transposed ? undefined : decoder.integers?.(read);
  const integers = own && {
    ...own,
    read: (rows: RowRange) => own.read({ start: start + rows.start, end: start + rows.end }),
  };
  return {
    ...{ name, dtype: 'F32', shape: [end - start, ...rest], bytes: 4 * elements * share, parameter },
    stored: { dtype: decoder.label, bytes: decoder.bytes * share },
    ...(is_out_in && { out_in: true }),
    ...(integers && dims.length === 2 && { integers }),
    ...{ file: sourceOf(parts[0]).name, source: sourceOf(parts[0]) },
    decode: async (rows) => encodeFromFloat(await decoder.rows(rows, read), 'F32'),
  };
}

/** Biases that a config may call for, of linears that the graph computes without one. */
function absentBiases(graph: OnnxGraph, tensors: ReadonlyMap<string, Located>): Map<string, TensorInfo> {
  const bare = bareOperands(graph);
  const zeros = new Map<string, TensorInfo>();
  for (const [name, { parameter, shape, file }] of tensors) {
    const bias = name.replace(/\.weight$/, '.bias');
    if (bias === name || tensors.has(bias) || !bare.has(parameter.tensor)) continue;
    zeros.set(bias, { name: bias, dtype: 'F32', shape: [shape[0]], bytes: 4 * shape[0], file });
  }
  return zeros;
}

function reader(tensors: ReadonlyMap<string, Located>, zeros: ReadonlyMap<string, TensorInfo>): Checkpoint['read'] {
  // A transposed matrix that is read in blocks of rows (a head) stays until its last block: turning it takes all of it.
  let turned: { tensor: StoredTensor; bytes: Promise<Uint8Array> } | undefined;
  return async (name, rows) => {
    const zero = zeros.get(name);
    if (zero) return new Uint8Array(rows ? 4 * (rows.end - rows.start) : zero.bytes);
    const located = tensors.get(name);
    if (!located) {
      throw new WhittleError({
        code: 'missing_tensor',
        message: `The checkpoint holds no tensor "${name}".`,
        place: { tensor: name },
      });
    }
    const count = located.shape[0] ?? 0;
    const range = rows ?? { start: 0, end: count };
    if (!(range.start >= 0 && range.start <= range.end && range.end <= count)) {
      throw new RangeError(`rows ${range.start} to ${range.end} of "${name}", which has ${count} rows`);
    }
    const { transposed, tensor, rows: part } = located.parameter;
    const first = part?.start ?? 0;
    const stored = { start: first + range.start, end: first + range.end };
    if (!transposed) return readRows(located, rows || part ? stored : undefined);
    if (turned?.tensor !== tensor) turned = { tensor, bytes: readTransposed(located) };
    const { bytes } = turned;
    if (stored.end === tensor.dims[1]) turned = undefined;
    const rowBytes = located.bytes / (count || 1);
    try {
      return (await bytes).subarray(stored.start * rowBytes, stored.end * rowBytes);
    } catch (cause) {
      turned = undefined;
      throw cause;
    }
  };
}

/** Rows as stored, DOUBLE narrowed to F32. */
async function readRows({ parameter, source, decode }: Located, rows?: RowRange): Promise<Uint8Array> {
  const { dims, bytes, type } = parameter.tensor;
  if (decode) return decode(rows ?? { start: 0, end: dims[0] });
  const rowBytes = bytes / (dims[0] || 1);
  const { start, end } = rows ?? { start: 0, end: dims[0] ?? 1 };
  const stored = await readStored(source, parameter.tensor, start * rowBytes, rows ? (end - start) * rowBytes : bytes);
  if (type.name !== 'DOUBLE') return stored;
  const aligned = stored.slice();
  return new Uint8Array(Float32Array.from(new Float64Array(aligned.buffer)).buffer);
}

/** The whole matrix, (in, out) as stored, as (out, in). */
async function readTransposed(located: Located): Promise<Uint8Array> {
  const [inputs, outputs] = located.parameter.tensor.dims;
  const size = located.dtype === 'F32' ? 4 : 2;
  const View = size === 4 ? Uint32Array : Uint16Array;
  const out = new View(inputs * outputs);
  const step = Math.max(1, Math.floor(BAND_BYTES / (outputs * size || 1)));
  for (let start = 0; start < inputs; start += step) {
    const end = Math.min(inputs, start + step);
    const bytes = await readRows(located, { start, end });
    const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
    const band = new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, (end - start) * outputs);
    for (let first = 0; first < outputs; first += TILE) {
      const last = Math.min(outputs, first + TILE);
      for (let i = start; i < end; i++) {
        const row = (i - start) * outputs;
        for (let o = first; o < last; o++) out[o * inputs + i] = band[row + o];
      }
    }
  }
  return new Uint8Array(out.buffer);
}

function refuseQuantised(file: string, { graph }: OnnxModel, summary: string): void {
  const found = [...operatorCounts(graph)].filter(([name]) => QUANTISED_OPERATORS.has(name.split('.').pop()!));
  if (found.length === 0) return;
  const operators = found.map(([name, count]) => `${count} ${name}`).join(', ');
  throw new WhittleError({
    code: 'unknown_architecture',
    message: `The weights of this ONNX file are quantised (${operators}), and Whittle does not decode them. It is ${summary}.`,
    place: { file },
    allowed:
      'weights in FLOAT, FLOAT16, BFLOAT16 or DOUBLE, or quantised for MatMulNBits, MatMulBnb4, MatMulInteger, QLinearMatMul, GatherBlockQuantized or DequantizeLinear',
    action: 'Open the file with float weights, often model.onnx or model_fp16.onnx, or the safetensors version.',
  });
}

function noParameters(file: string, summary: string): WhittleError {
  return new WhittleError({
    code: 'not_a_model',
    message: `No weights of a language model were found in this ONNX file, neither by name nor along its graph. It is ${summary}.`,
    place: { file },
    allowed: 'a causal language model exported from transformers (by Optimum or torch.onnx) or by Whittle',
    action: 'Export it anew and keep the names of parameters and modules, or open the safetensors version.',
  });
}

const ROUNDING = [
  'QuantizeLinear',
  'DynamicQuantizeLinear',
  'com.microsoft.DynamicQuantizeMatMul',
  'com.microsoft.QuantizeLinear',
];

/** Static and dynamic quantisation round activations too. */
function roundedActivations({ graph }: OnnxModel): string[] {
  const counts = operatorCounts(graph);
  return ROUNDING.flatMap((name) => {
    const count = counts.get(name) ?? 0;
    if (count === 0) return [];
    const operator = name.replace('com.microsoft.', '');
    return `The ONNX graph rounds activations at ${count} places (${operator}). Whittle computes them in floats.`;
  });
}

/**
 * The graph is not run, so operators of other domains are no obstacle, but they may compute what the config does not say.
 * ONNX Runtime's own (com.microsoft) are the usual ones, fused.
 */
function foreignOperators({ graph }: OnnxModel): string[] {
  const names = [...operatorCounts(graph).keys()].filter(
    (name) => /\./.test(name) && !name.startsWith('com.microsoft.'),
  );
  if (names.length === 0) return [];
  const shown = names.slice(0, 5).map(quoteText).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
  return [`The ONNX graph has operators of other domains (${shown}). It is not run: the config says what is computed.`];
}
