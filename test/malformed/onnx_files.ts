/** @file Malformed ONNX: protobuf that is none, graphs that no runtime could order, weights that are not where they should be. */
import { ProtoWriter } from '../../src/formats/onnx/wire.ts';
import { jsonBlob, tinyLlamaConfig } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import { external, graph, node, protoModel, raw, tensor, versions, type Write } from '../onnx/proto_model.ts';
import { FOREIGN, type Malformed, seeded } from './malformed.ts';

const FILE = 'model.onnx';
const W = 'model.embed_tokens.weight';
const FLOAT = 1;
const FAULT = [
  'bad_onnx',
  'truncated_file',
  'missing_shard',
  'not_a_model',
  'unknown_architecture',
  'unsupported_dtype',
] as const;

function file(what: string, bytes: BlobPart, rest: Partial<Malformed> = {}, data?: BlobPart): Malformed {
  const files = async () => [
    { path: 'config.json', blob: jsonBlob(tinyLlamaConfig()) },
    { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
    { path: FILE, blob: new Blob([bytes]) },
    ...(data === undefined ? [] : [{ path: 'd', blob: new Blob([data]) }]),
  ];
  return { what: `${FILE}: ${what}`, files, code: FAULT, file: FILE, ...rest };
}

const bytes = (array: Uint8Array): BlobPart => array.slice();
const gather = node('Gather', [W, 'x'], ['h'], '/model/embed_tokens/Gather');
const one = (...initializers: Write[]) => bytes(protoModel({ initializers, nodes: [gather], outputs: ['h'] }));
const table = (...values: Write[]) => one(tensor(W, FLOAT, [2, 4], ...values));
const outside = (...entries: [string, string][]) => table(external(...entries));
const nodes = (...all: Write[]) => bytes(protoModel({ nodes: all, outputs: ['y'] }));

function nested(depth: number): Write {
  if (depth === 0) return graph({ inputs: [] });
  const inside = (message: ProtoWriter) =>
    message.message(5, (attribute) => attribute.string(1, 'then_branch').message(6, nested(depth - 1)));
  return graph({ inputs: [], nodes: [node('If', [], [], '', inside)] });
}

function wire(random: (below: number) => number): Malformed[] {
  const good = protoModel({ initializers: [tensor(W, FLOAT, [2, 4], raw(32))], nodes: [gather], outputs: ['h'] });
  return [
    file('nothing', ''),
    file('garbage', new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f]), { found: 'byte 0' }),
    file('a group', new Uint8Array([0x0b]), { found: 'byte 0' }),
    file('field 0', new Uint8Array([0, 1]), { found: 'byte 0' }),
    file('a varint cut off', new Uint8Array([8, 0x80]), { found: 'byte 1' }),
    file('a varint of 11 bytes', new Uint8Array([8, ...Array(10).fill(0x80), 1]), { found: 'byte 1' }),
    file('a length of 2^63', new Uint8Array([0x3a, ...Array(9).fill(0x80), 1])),
    file('subgraphs 20 deep', bytes(protoModel({ more: nested(20) })), { found: 'deep' }),
    file('no graph', bytes(new ProtoWriter().int(1, 8).finish()), { found: 'no graph' }),
    file('two graphs', new Uint8Array([...good, ...good]), { found: 'two graphs' }),
    file('ir_version 0', bytes(protoModel({}, versions(0, 17))), { where: 'ir_version' }),
    file('an ir_version from the future', bytes(protoModel({}, versions(99 + random(900), 17))), {
      where: 'ir_version',
    }),
    file('opset 0', bytes(protoModel({}, versions(8, 0))), { where: 'opset_import' }),
    file('an opset from the future', bytes(protoModel({}, versions(8, 99 + random(9000)))), { where: 'opset_import' }),
    file('no opset', bytes(protoModel({}, (m) => m.int(1, 8))), { where: 'opset_import' }),
    ...FOREIGN.slice(0, 2).map(([what, content, found]) => file(what, content, { found })),
    ...Array.from({ length: 6 }, () => {
      const end = 1 + random(good.length - 1);
      return file(`cut off at byte ${end}`, bytes(good.subarray(0, end)));
    }),
  ];
}

function weights(random: (below: number) => number): Malformed[] {
  const at = (offset: string, length: string) => outside(['location', 'd'], ['offset', offset], ['length', length]);
  const forty = new Uint8Array(40);
  return [
    file('too many bytes', table(raw(33 + random(100))), { where: W }),
    file('too few bytes', table(raw(random(32))), { where: W }),
    file('no values', table(), { where: W }),
    file(
      'values in two fields',
      table(raw(32), (m) => m.bytes(4, new Uint8Array(32))),
      { where: W },
    ),
    file('a negative size', one(tensor(W, FLOAT, [2, -4], raw(32))), { where: W }),
    file('sizes that overflow', one(tensor(W, FLOAT, [2 ** 40, 2 ** 40], raw(4))), { where: W }),
    file('data type 0', one(tensor(W, 0, [1], raw(4))), { where: W }),
    file('data type 99', one(tensor(W, 99, [1], raw(4))), { where: W }),
    file('a weight given twice', one(tensor(W, FLOAT, [1], raw(4)), tensor(W, FLOAT, [1], raw(4))), { where: W }),
    file('a weight without a name', one(tensor('', FLOAT, [1], raw(4)))),
    ...['../d', '/d', '..\\d', 'https://example.org/d', '', '..'].map((location) =>
      file(`external data at ${JSON.stringify(location)}`, outside(['location', location]), { where: W }),
    ),
    file('external data that were not given', outside(['location', 'gone']), { file: 'gone', where: W }),
    file('a negative offset', at('-1', '32'), { where: W }, forty),
    file('an offset that is text', at('zero', '32'), { where: W }, forty),
    file('a length other than the sizes', at('0', String(random(32))), { where: W }, forty),
    file('data past the end', at(String(12 + random(20)), '32'), { file: 'd', where: W }, forty),
    file(
      'data that are a Git LFS pointer',
      at('0', '32'),
      { file: 'd', found: 'Git LFS' },
      'version https://git-lfs\n',
    ),
    file('a long LFS pointer', at('0', '32'), { file: 'd', found: 'Git LFS' }, FOREIGN[0][1]),
    file(
      'data that are a web page',
      at('0', '32'),
      { file: 'd', found: 'web page' },
      '<!DOCTYPE html><html>0123456789012345678</html>',
    ),
    file('a location given twice', outside(['location', 'd'], ['location', 'd']), { where: W }, forty),
  ];
}

function graphs(): Malformed[] {
  return [
    file('a cycle', nodes(node('A', ['b'], ['a'], 'first'), node('B', ['a'], ['b'])), { found: 'first' }),
    file('an input from nowhere', nodes(node('A', ['q'], ['y'])), { found: '"q"' }),
    file('a value made twice', nodes(node('A', ['x'], ['y']), node('B', ['x'], ['y'], 'n')), { found: '"n"' }),
    file('an output from nowhere', nodes(), { found: '"y"' }),
    file('a node without an operator', nodes(node('', ['x'], ['y'], 'n')), { found: '"n"' }),
    file('no weights', nodes(node('Relu', ['x'], ['y'])), { found: '1 Relu' }),
  ];
}

/** MatMulNBits and its kin with one thing wrong. */
function quantised(random: (below: number) => number): Malformed[] {
  const Q = 'model.layers.0.mlp.up_proj.weight_Q4';
  const codes = tensor(Q, 2, [4, 1, 8], raw(32));
  const scales = tensor(`${Q}_scales`, FLOAT, [4, 1], raw(16));
  const whole = { K: 16, N: 4, bits: 4, block_size: 16 };
  type Attributes = Partial<typeof whole>;
  const product = (attributes: Attributes, inputs = [Q, `${Q}_scales`], initializers = [codes, scales]) => {
    const ints = Object.entries(attributes).map(([name, value]) => intAttribute(name, value));
    return bytes(protoModel({ initializers, nodes: [node('MatMulNBits', ['x', ...inputs], ['y'], 'n', ...ints)] }));
  };
  const dequantize = (type: number, dims: number[], attributes: Record<string, number>) => {
    const ints = Object.entries(attributes).map(([name, value]) => intAttribute(name, value));
    const made = node('DequantizeLinear', ['q', 's'], ['y'], 'n', ...ints);
    const initializers = [
      tensor('q', type, [4, 4], raw(16)),
      tensor('s', FLOAT, dims, raw(4 * dims.reduce((a, b) => a * b, 1))),
    ];
    return bytes(protoModel({ initializers, nodes: [made] }));
  };
  const { K: _, ...withoutK } = whole;
  return [
    file('MatMulNBits without K', product(withoutK), { where: 'K', found: '"n"' }),
    file('a block size of 0', product({ ...whole, block_size: 0 }), { where: 'block_size' }),
    file('codes of other sizes', product({ ...whole, N: 5 + random(9) }), { where: Q, found: 'codes' }),
    file('fewer scales than blocks', product({ ...whole, K: 32, bits: 2 }), { where: `${Q}_scales` }),
    file('7 bits', product({ ...whole, bits: 7 }), { where: 'MatMulNBits', found: '7 bits' }),
    file('codes that are computed', product(whole, ['x', `${Q}_scales`]), { found: 'while the model runs' }),
    file('scales in integers', product(whole, [Q, Q]), { found: 'scales in UINT8' }),
    file('zero points of another size', product(whole, [Q, `${Q}_scales`, Q]), { where: Q, found: 'zero points' }),
    file('an order of inputs', product(whole, [Q, `${Q}_scales`, '', Q]), { found: 'g_idx' }),
    file('DequantizeLinear along axis 2', dequantize(2, [4], { axis: 2 }), { found: 'axis 2' }),
    file('one scale too many', dequantize(2, [5], { axis: 1 }), { where: 's', found: 'scales' }),
    file(
      'int64 codes',
      bytes(
        protoModel({
          initializers: [tensor('q', 7, [2], raw(16)), tensor('s', FLOAT, [1], raw(4))],
          nodes: [node('DequantizeLinear', ['q', 's'], ['y'], 'n')],
        }),
      ),
      { found: 'INT64' },
    ),
  ];
}

const intAttribute =
  (name: string, value: number): Write =>
  (message) =>
    message.message(5, (attribute) => attribute.string(1, name).int(3, value).int(20, 2));

export function onnxFiles(seed: number): Malformed[] {
  const random = seeded(seed);
  return [...wire(random), ...weights(random), ...graphs(), ...quantised(random)];
}
