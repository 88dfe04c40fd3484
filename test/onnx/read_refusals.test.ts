/** Bad ONNX files: every case has its code and its sentence. Numbers in brackets: the project's list of bad inputs. */
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/errors.ts';
import { WhittleError } from '../../src/errors/errors.ts';
import { openOnnx } from '../../src/formats/onnx/checkpoint.ts';
import { readOnnxModel } from '../../src/formats/onnx/read_model.ts';
import { ProtoWriter } from '../../src/formats/onnx/wire.ts';
import type { ByteSource } from '../../src/formats/source.ts';
import { expectBadInput } from '../bad_input.ts';
import {
  external,
  graph,
  intsAttribute,
  node,
  protoModel,
  raw,
  sourceOf,
  tensor,
  versions,
  type Write,
} from './proto_model.ts';

const FLOAT = 1;
const W = 'model.embed_tokens.weight';
const gather = node('Gather', [W, 'x'], ['h'], '/model/embed_tokens/Gather');
const one = (...initializers: Write[]) => protoModel({ initializers, nodes: [gather], outputs: ['h'] });
const table = (...values: Write[]) => one(tensor(W, FLOAT, [2, 4], ...values));
const GOOD = table(raw(32));
const outside = (...entries: [string, string][]) => table(external(...entries));
const AT = (offset: string, length: string) => outside(['location', 'd'], ['offset', offset], ['length', length]);
const nodes = (...list: Write[]) => protoModel({ nodes: list, outputs: ['y'] });

function nested(depth: number): Write {
  if (depth === 0) return graph({ inputs: [] });
  const inside = (message: ProtoWriter) =>
    message.message(5, (attribute) => attribute.string(1, 'then_branch').message(6, nested(depth - 1)));
  return graph({ inputs: [], nodes: [node('If', [], [], '', inside)] });
}

type Case = [what: string, bytes: Uint8Array, code: ErrorCode, ...fragments: string[]];

const CASES: Case[] = [
  ['an empty file', new Uint8Array(0), 'bad_onnx', 'there is no graph'],
  ['garbage [56]', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f), 'bad_onnx', 'not valid protobuf at byte 0'],
  ['a group, which is no wire type of today [56]', Uint8Array.of(0x0b), 'bad_onnx', 'byte 0', 'tag 11'],
  ['field 0 [56]', Uint8Array.of(0x00, 0x01), 'bad_onnx', 'byte 0', 'tag 0'],
  ['a varint that is cut off [56]', Uint8Array.of(0x08, 0x80), 'bad_onnx', 'byte 1', 'cut off'],
  ['a varint of 11 bytes [56]', Uint8Array.of(0x08, ...Array(10).fill(0x80), 1), 'bad_onnx', 'byte 1', '10 bytes'],
  ['a fixed number that is cut off [56]', Uint8Array.of(0x0d, 1, 2), 'bad_onnx', 'byte 0', 'cut off'],
  ['a file that is cut off', GOOD.subarray(0, GOOD.length - 1), 'truncated_file', 'ends inside a field', 'fetch'],
  ['a length of 2^63', Uint8Array.of(0x3a, ...Array(9).fill(0x80), 1), 'bad_onnx', 'byte 0', 'says -9223'],
  ['a length beyond the message around it', Uint8Array.of(0x3a, 3, 0x0a, 0x7f, 0), 'truncated_file', 'says 127 bytes'],
  ['a version stored as text', new ProtoWriter().string(1, '8').finish(), 'bad_onnx', 'stored as bytes, not as varint'],
  ['a name that is not UTF-8', one((m) => m.bytes(8, Uint8Array.of(0xff))), 'bad_onnx', 'not UTF-8'],
  ['a web page', new TextEncoder().encode('<!DOCTYPE html><html>'), 'not_a_model', 'web page', 'an ONNX model'],
  ['a Git LFS pointer', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1'), 'not_a_model', 'LFS'],
  ['subgraphs 20 deep [57]', protoModel({ more: nested(20) }), 'bad_onnx', 'nested too deep'],
  ['no graph', new ProtoWriter().int(1, 8).finish(), 'bad_onnx', 'no graph'],
  ['two graphs', new Uint8Array([...GOOD, ...GOOD]), 'bad_onnx', 'two graphs'],
  ['ir_version 0 [59]', protoModel({}, versions(0, 17)), 'bad_onnx', 'ir_version is 0', '3 to 20'],
  ['ir_version 999 [59]', protoModel({}, versions(999, 17)), 'bad_onnx', 'ir_version is 999'],
  ['opset 0 [59]', protoModel({}, versions(8, 0)), 'bad_onnx', 'opset_import is 0', '1 to 40'],
  ['opset 9999 [59]', protoModel({}, versions(8, 9999)), 'bad_onnx', 'opset_import is 9999'],
  ['no opset [59]', protoModel({}, (m) => m.int(1, 8)), 'bad_onnx', 'opset_import is missing'],
  ['raw data too long [60]', table(raw(80)), 'bad_onnx', `"${W}" has 80 bytes in raw_data, expected 32 (FLOAT [2, 4])`],
  ['raw data too short [60]', table(raw(31)), 'bad_onnx', 'has 31 bytes', 'expected 32'],
  ['no values', table(), 'bad_onnx', 'no values', '[2, 4]'],
  [
    'raw data and float_data [61]',
    table(raw(32), (m) => m.bytes(4, new Uint8Array(32))),
    'bad_onnx',
    'raw_data and float_data',
  ],
  ['raw data and external data [61]', table(raw(32), external(['location', 'd'])), 'bad_onnx', 'in two places'],
  ['raw data twice', table(raw(32), raw(32)), 'bad_onnx', 'raw_data twice'],
  ['a negative size [62]', one(tensor(W, FLOAT, [2, -4], raw(32))), 'bad_onnx', 'holds -4', W],
  ['sizes that overflow [62]', one(tensor(W, FLOAT, [2 ** 40, 2 ** 40], raw(4))), 'bad_onnx', 'overflows', W],
  ['data type 0 [62]', one(tensor(W, 0, [1], raw(4))), 'bad_onnx', 'data type 0', W],
  ['data type 99 [62]', one(tensor(W, 99, [1], raw(4))), 'bad_onnx', 'data type 99', W],
  ['a shape of 100 sizes', one(tensor(W, FLOAT, Array(100).fill(1), raw(4))), 'bad_onnx', 'more than 32 sizes'],
  ['text as raw data', one(tensor(W, 8, [1], raw(4))), 'bad_onnx', 'expected none, for text'],
  [
    'an initialiser given twice [63]',
    one(tensor(W, FLOAT, [1], raw(4)), tensor(W, FLOAT, [1], raw(4))),
    'bad_onnx',
    `"${W}" is given twice`,
  ],
  ['an initialiser without a name [63]', one(tensor('', FLOAT, [1], raw(4))), 'bad_onnx', 'no name'],
  ['segments', table(raw(32), (m) => m.message(3, (s) => s.int(1, 0))), 'bad_onnx', 'segments'],
  ['a sparse initialiser', protoModel({ more: (m) => m.message(15, () => {}) }), 'bad_onnx', 'sparse'],
  [
    'a cycle [64]',
    nodes(node('A', ['b'], ['a'], 'first'), node('B', ['a'], ['b'])),
    'bad_onnx',
    'Node "first" (A) uses "b" before it is made: the graph has a cycle',
  ],
  [
    'an input that nothing makes [64]',
    nodes(node('A', ['q'], ['y'])),
    'bad_onnx',
    'Node number 1 (A) uses "q", which nothing makes',
  ],
  [
    'a value made twice [64]',
    nodes(node('A', ['x'], ['y']), node('B', ['x'], ['y'], 'n')),
    'bad_onnx',
    'Node "n" (B) makes "y", which exists already',
  ],
  ['an output that nothing makes [64]', nodes(), 'bad_onnx', 'Nothing makes the graph output "y"'],
  ['an input given twice', protoModel({ inputs: ['x', 'x'] }), 'bad_onnx', 'input "x" is given twice'],
  ['a node without an operator', nodes(node('', ['x'], ['y'], 'n')), 'bad_onnx', 'Node "n" (?) has no operator'],
  ...['../d', '/d', '..\\d', 'C:d', 'https://example.org/d', 'folder/', 'a/b', '', '.', '..', 'd\0'].map(
    (location): Case => [
      `the external location ${JSON.stringify(location)} [66]`,
      outside(['location', location]),
      'bad_onnx',
      `The external file of "${W}" is ${JSON.stringify(location)}`,
      'a plain file name beside the model',
    ],
  ),
  ['no external location [66]', outside(), 'bad_onnx', 'a plain file name'],
  [
    'an external file that is absent [66]',
    outside(['location', 'gone']),
    'missing_shard',
    '"gone"',
    'is not there',
    'Drop',
  ],
  ['a negative offset [67]', AT('-1', '32'), 'bad_onnx', 'external offset', '"-1"'],
  ['an offset that is text [67]', AT('zero', '32'), 'bad_onnx', '"zero"'],
  ['an offset of 2^60 [67]', AT(String(2n ** 60n), '32'), 'bad_onnx', '1152921504606846976'],
  ['a length other than the shape’s [67]', AT('0', '31'), 'bad_onnx', 'has 31 bytes of external data, expected 32'],
  [
    'external data past the end [67]',
    AT('20', '32'),
    'truncated_file',
    `"${W}": bytes 20 to 52 lie outside`,
    'which has 40',
  ],
  ['a location given twice [68]', outside(['location', 'd'], ['location', 'd']), 'bad_onnx', 'location twice'],
  [
    'an unknown external key [68]',
    outside(['location', 'd'], ['__class__', 'x']),
    'bad_onnx',
    'unknown key "__class__"',
  ],
  [
    'a weight stored as a list in pieces',
    one(tensor(W, 10, [2, 1], (m) => m.bytes(5, Uint8Array.of(1)).bytes(5, Uint8Array.of(2)))),
    'bad_onnx',
    'stored as int32_data',
    'raw_data',
  ],
  [
    'a graph without weights',
    nodes(node('Relu', ['x'], ['y'])),
    'not_a_model',
    'No weights of a language model',
    '1 nodes (1 Relu)',
    'inputs x',
    'outputs y',
  ],
  [
    'weights quantised for operators that are not decoded',
    protoModel({
      initializers: [tensor(W, 2, [2, 4], raw(8))],
      nodes: [node('QAttention', ['x', W], ['w'])],
      outputs: ['w'],
    }),
    'unknown_architecture',
    'quantised (1 QAttention)',
    'model_fp16.onnx',
  ],
  [
    'sums of codes that nothing scales',
    protoModel({
      initializers: [tensor(W, 2, [2, 4], raw(8))],
      nodes: [node('MatMulInteger', ['x', W], ['w'])],
      outputs: ['w'],
    }),
    'unknown_architecture',
    'nothing behind it is the scale of its weight',
    'Cast and Mul',
  ],
  [
    'sums of codes whose inputs have a scale that is stored',
    protoModel({
      initializers: [tensor(W, 2, [2, 4], raw(8)), tensor('s', 1, [], raw(4))],
      nodes: [
        node('QuantizeLinear', ['x', 's'], ['q']),
        node('MatMulInteger', ['q', W], ['i']),
        node('Cast', ['i'], ['f']),
        node('Mul', ['f', 's'], ['v']),
        node('Mul', ['v', 'x'], ['w']),
      ],
      outputs: ['w'],
    }),
    'unknown_architecture',
    'static quantisation',
    'Cast and Mul',
  ],
  [
    'scales that are no floats',
    protoModel({
      initializers: [tensor(W, 2, [2, 4], raw(8))],
      nodes: [node('DequantizeLinear', [W, W], ['w'])],
      outputs: ['w'],
    }),
    'unknown_architecture',
    'has scales in UINT8',
    'FLOAT16',
  ],
];

const find = (name: string) => (name === 'd' ? sourceOf(new Uint8Array(40), 'd') : undefined);
const open = (bytes: Uint8Array) => openOnnx(sourceOf(bytes), find);

describe('openOnnx refuses', () => {
  it.each(CASES)('%s', async (_, bytes, code, ...fragments) => {
    const { place } = await expectBadInput(open(bytes), code, ...fragments);
    expect(place.file).toMatch(/^(model\.onnx|d|gone)$/);
  });

  it('a protobuf over 2 GiB [58], without reading it', async () => {
    const source: ByteSource = { name: 'big.onnx', size: 2 ** 31, read: async (_, length) => new Uint8Array(length) };
    await expectBadInput(readOnnxModel(source), 'bad_onnx', '2147483648 bytes', 'external data');
  });

  it('every cut of a good file', async () => {
    await open(GOOD);
    for (let length = 0; length < GOOD.length; length++) {
      await expect(open(GOOD.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(WhittleError);
    }
  });

  it('a structure that is too large: 40 million empty fields, read through a window', async () => {
    // Every byte pair is an empty field 6; the source makes them up as they are asked for.
    let longest = 0;
    const source: ByteSource = {
      name: 'wide.onnx',
      size: 80_000_000,
      async read(offset, length) {
        longest = Math.max(longest, length);
        return Uint8Array.from({ length }, (_, i) => ((offset + i) % 2 === 0 ? 0x32 : 0x00));
      },
    };
    await expectBadInput(readOnnxModel(source), 'bad_onnx', 'the structure, weights not counted');
    expect(longest).toBeLessThanOrEqual(1 << 16);
  }, 60_000);

  it('a long chain of Identities in good time', async () => {
    const count = 20_000;
    const chain = Array.from({ length: count }, (_, i) => node('Identity', [i === 0 ? W : `v${i - 1}`], [`v${i}`]));
    const bytes = protoModel({ initializers: [tensor(W, FLOAT, [2, 4], raw(32))], nodes: chain, outputs: ['v0'] });
    const start = performance.now();
    const { checkpoint } = await open(bytes);
    expect([...checkpoint.tensors.keys()]).toEqual([W]);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('openOnnx accepts', () => {
  it('what is odd but legal: inputs that are initialisers too, optional inputs, unknown fields', async () => {
    const bytes = protoModel({
      inputs: [W, 'x'],
      initializers: [tensor(W, FLOAT, [2, 4], raw(32), (m) => m.string(12, 'a doc'))],
      nodes: [node('Gather', [W, 'x', ''], ['h', ''], '/model/embed_tokens/Gather', intsAttribute('k', [1, -2]))],
      outputs: ['h'],
      more: (m) => m.string(1000, 'from the future'),
    });
    const { checkpoint } = await open(bytes);
    expect(checkpoint.tensors.get(W)?.shape).toEqual([2, 4]);
  });

  it('float_data that is packed, as raw_data', async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const { checkpoint } = await open(table((m) => m.bytes(4, new Uint8Array(values.buffer))));
    expect(await checkpoint.read(W, { start: 1, end: 2 })).toEqual(new Uint8Array(values.slice(4).buffer));
  });

  it('DOUBLE, as F32', async () => {
    const values = Float64Array.of(0.1, -2, 3, 1e-3, 5, 6, 7, 8);
    const { checkpoint } = await open(one(tensor(W, 11, [2, 4], (m) => m.bytes(9, new Uint8Array(values.buffer)))));
    expect(checkpoint.tensors.get(W)).toMatchObject({ dtype: 'F32', bytes: 32 });
    const read = await checkpoint.read(W, { start: 0, end: 1 });
    expect(new Float32Array(read.slice().buffer)).toEqual(Float32Array.from(values.slice(0, 4)));
  });

  it.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 32\n', 'Git LFS pointer', 'git lfs pull'],
    ['<!doctype html><title>Log in</title>', 'web page', 'login'],
  ])('a short text in place of the external data: %s', async (text, ...fragments) => {
    const source = sourceOf(AT('1000', '32'));
    const data = sourceOf(new TextEncoder().encode(text), 'model.onnx.data');
    await expectBadInput(
      openOnnx(source, () => data),
      'not_a_model',
      'model.onnx.data',
      ...fragments,
    );
  });

  it('two tensors that share bytes in part, with a warning [68]', async () => {
    const other = 'model.norm.weight';
    const bytes = one(
      tensor(W, FLOAT, [2, 4], external(['location', 'd'], ['offset', '0'])),
      tensor(other, FLOAT, [4], external(['location', './d'], ['offset', '24'])),
    );
    expect((await open(bytes)).warnings).toEqual([`"${W}" and "${other}" share some of their bytes in d.`]);
  });
});

describe('mutated files', () => {
  it('200 mutations give a model or a WhittleError', async () => {
    const base = protoModel({
      initializers: [tensor(W, FLOAT, [2, 4], raw(32))],
      nodes: [
        gather,
        node('Transpose', [W], ['t'], 'n', intsAttribute('perm', [1, 0])),
        node('If', ['x'], ['y'], '', (m) => m.message(5, (a) => a.string(1, 'g').message(6, nested(2)))),
      ],
      outputs: ['h'],
    });
    const random = mulberry32(7);
    let opened = 0;
    for (let i = 0; i < 200; i++) {
      let bytes = base.slice();
      const changes = 1 + Math.floor(random() * 4);
      for (let k = 0; k < changes; k++) {
        const at = Math.floor(random() * bytes.length);
        const kind = Math.floor(random() * 4);
        if (kind === 0) bytes[at] = Math.floor(random() * 256);
        else if (kind === 1) bytes[at] ^= 1 << Math.floor(random() * 8);
        else if (kind === 2) bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]);
        else bytes = Uint8Array.from([...bytes.subarray(0, at), Math.floor(random() * 256), ...bytes.subarray(at)]);
      }
      const start = performance.now();
      try {
        await open(bytes);
        opened++;
      } catch (error) {
        expect(error, `mutation ${i}: ${error}`).toBeInstanceOf(WhittleError);
        expect((error as WhittleError).isBadInput).toBe(true);
      }
      expect(performance.now() - start).toBeLessThan(1000);
    }
    // Changes inside raw data or doc strings are no faults.
    expect(opened).toBeGreaterThan(5);
    expect(opened).toBeLessThan(195);
  });
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
