import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { type ErrorCode, WhittleError } from '../../errors/errors.ts';
import { blobSource } from '../source.ts';
import { openSafetensors } from './checkpoint.ts';
import { readSafetensorsHeader } from './header.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Length prefix (its true value unless given), header, data of `dataBytes` zeros. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? utf8(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const W = (dtype: string, shape: string, offsets: string) =>
  `"w":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
const one = (dtype: string, shape: string, offsets: string, dataBytes: number) =>
  file(`{${W(dtype, shape, offsets)}}`, dataBytes);
const f32 = (name: string, begin: number, end: number) =>
  `${JSON.stringify(name)}:{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`;
const open = (bytes: Uint8Array) => readSafetensorsHeader(blobSource('model.safetensors', new Blob([bytes.slice()])));

type Case = [what: string, bytes: Uint8Array, code: ErrorCode, ...fragments: string[]];

/** Numbers in brackets: the cases of the project's list of bad inputs. */
const CASES: Case[] = [
  ['an empty file [1]', new Uint8Array(0), 'not_a_model', 'has 0 bytes', 'at least 8'],
  ['seven bytes [1]', new Uint8Array(7), 'not_a_model', 'has 7 bytes'],
  ['a header of length 0 [2]', file('', 16), 'bad_safetensors', 'header is empty'],
  ['a header longer than the file [2]', file('{}', 0, 500n), 'truncated_file', '500 bytes', 'only 2', 'incomplete'],
  ['a header over the limit [3]', file('{}', 0, 100_000_001n), 'bad_safetensors', 'too large: 100000001', '100000000'],
  ['a length of 2^64 − 1 [3]', file('{}', 0, 2n ** 64n - 1n), 'bad_safetensors', '18446744073709551615'],
  ['a Git LFS pointer [4]', utf8('version https://git-lfs.github.com/spec/v1\noid sha256:0'), 'not_a_model', 'Git LFS'],
  ['a web page [5]', utf8('\n <!DOCTYPE html><html><body>404</body></html>'), 'not_a_model', 'web page'],
  ['a JSON error page [5]', utf8('{"error":"Repository not found"}'), 'not_a_model', 'JSON text', 'not found'],
  ['a zip archive [6]', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 0, 0), 'not_a_model', 'PyTorch pickle'],
  ['a pickle [6]', Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x58, 9, 0, 0), 'not_a_model', 'pickle', 'never opened'],
  ['a GGUF file', utf8('GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0'), 'not_a_model', 'GGUF'],
  [
    'a header that is not UTF-8 [7]',
    file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
    'bad_safetensors',
    'UTF-8 at byte 2',
  ],
  [
    'an overlong UTF-8 sequence [7]',
    file(Uint8Array.of(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d)),
    'bad_safetensors',
    'byte 2',
  ],
  ['a header that is not JSON [8]', file('{w:1}'), 'bad_safetensors', 'not a JSON object', 'byte 1'],
  ['a header that is cut off [8]', file('{"w":{"dtype":"F32"'), 'bad_safetensors', 'not a JSON object', 'byte 19'],
  ['text after the header [8]', file('{} x'), 'bad_safetensors', 'after the end', 'byte 3'],
  ['a header that is a list [8]', file('[]'), 'bad_safetensors', 'not a JSON object but a list'],
  ['a header that is a number [8]', file('12'), 'bad_safetensors', 'not a JSON object but 12'],
  ['a header that is null [8]', file('null'), 'bad_safetensors', 'not a JSON object but null'],
  ['a byte-order mark [9]', file('\ufeff{}'), 'bad_safetensors', 'byte 0'],
  [
    'a tensor declared twice [10]',
    file(`{${f32('w', 0, 4)},${f32('w', 0, 4)}}`, 4),
    'bad_safetensors',
    'Tensor "w" is declared twice',
  ],
  [
    'a tensor declared twice, once escaped [10]',
    file(`{${f32('w', 0, 4)},${f32('w', 0, 4).replace('"w"', '"\\u0077"')}}`, 4),
    'bad_safetensors',
    '"w" is declared twice',
  ],
  [
    'a field given twice [11]',
    file('{"w":{"dtype":"F32","dtype":"F16","shape":[],"data_offsets":[0,4]}}', 4),
    'bad_safetensors',
    '"dtype" of "w"',
    'twice',
  ],
  ['no dtype [11]', file('{"w":{"shape":[1],"data_offsets":[0,4]}}', 4), 'bad_safetensors', '"w" has no dtype'],
  ['no shape [11]', file('{"w":{"dtype":"F32","data_offsets":[0,4]}}', 4), 'bad_safetensors', '"w" has no shape'],
  ['no data_offsets [11]', file('{"w":{"dtype":"F32","shape":[1]}}', 4), 'bad_safetensors', '"w" has no data_offsets'],
  ['a tensor that is not an object', file('{"w":7}'), 'bad_safetensors', 'Tensor "w" is 7'],
  ['an unknown dtype [12]', one('"F31"', '[1]', '[0,4]', 4), 'bad_safetensors', 'dtype "F31" of "w"', 'BF16'],
  ['a lowercase dtype [12]', one('"f32"', '[1]', '[0,4]', 4), 'bad_safetensors', '"f32"', 'F32'],
  ['a dtype that is a number [12]', one('32', '[1]', '[0,4]', 4), 'bad_safetensors', 'dtype 32'],
  ...['-1', '1.5', '"1"', '-0', '2.0', '1e3', 'null'].map(
    (size): Case => [
      `a dimension of ${size} [13]`,
      one('"F32"', `[${size}]`, '[0,4]', 4),
      'bad_safetensors',
      'in shape of "w"',
      'plain integers',
    ],
  ),
  ['a shape that is a number [13]', one('"F32"', '4', '[0,4]', 4), 'bad_safetensors', 'shape of "w" is 4'],
  [
    'a dimension above 2^53 [14]',
    one('"F32"', '[9007199254740993]', '[0,4]', 4),
    'bad_safetensors',
    '9007199254740993',
    'too large to be exact',
  ],
  [
    'an offset above 2^53 [14]',
    one('"F32"', '[1]', '[0,18446744073709551615]', 4),
    'bad_safetensors',
    'too large to be exact',
  ],
  [
    'a size that overflows [15]',
    one('"F32"', '[3037000500,3037000500]', '[0,4]', 4),
    'bad_safetensors',
    'size of "w" overflows',
  ],
  [
    'a size that overflows before a zero [15]',
    one('"F32"', '[3037000500,3037000500,0]', '[0,0]', 0),
    'bad_safetensors',
    'overflows',
  ],
  [
    'a size other than shape × dtype [16]',
    one('"F32"', '[2,3]', '[0,16]', 16),
    'bad_safetensors',
    'needs 24 bytes',
    'gives 16',
  ],
  ['end before begin [17]', one('"F32"', '[1]', '[4,0]', 4), 'bad_safetensors', 'data_offsets of "w" end at 0'],
  ['a negative offset [17]', one('"F32"', '[1]', '[-4,0]', 4), 'bad_safetensors', 'data_offsets of "w" is -4'],
  ['three offsets [17]', one('"F32"', '[1]', '[0,2,4]', 4), 'bad_safetensors', 'data_offsets of "w" are 3 numbers'],
  [
    'a tensor past the end [18]',
    one('"F32"', '[4]', '[0,16]', 12),
    'truncated_file',
    '"w" ends at byte',
    'file ends at',
    'incomplete',
  ],
  [
    'overlapping tensors [19]',
    file(`{${f32('a', 0, 8)},${f32('b', 4, 12)}}`, 12),
    'bad_safetensors',
    '"a" and "b" share bytes',
  ],
  [
    'two names for the same bytes [19]',
    file(`{${f32('a', 0, 8)},${f32('b', 0, 8)}}`, 8),
    'bad_safetensors',
    'share bytes',
  ],
  [
    'a hole [20]',
    file(`{${f32('a', 0, 4)},${f32('b', 8, 12)}}`, 12),
    'bad_safetensors',
    'belong to no tensor',
    'before "b"',
  ],
  ['a first offset other than 0 [20]', file(`{${f32('a', 4, 8)}}`, 8), 'bad_safetensors', 'belong to no tensor'],
  [
    'bytes after the last tensor [21]',
    file(`{${f32('a', 0, 4)}}`, 9),
    'bad_safetensors',
    '5 unclaimed bytes',
    'two files in one',
  ],
  ['half a byte [22]', one('"F4"', '[3]', '[0,2]', 2), 'bad_safetensors', 'not a whole number of bytes'],
  [
    'metadata that is not text [23]',
    file('{"__metadata__":{"a":1}}'),
    'bad_safetensors',
    'metadata must be text',
    '"a" is 1',
  ],
  ['metadata that is a list [23]', file('{"__metadata__":[]}'), 'bad_safetensors', 'metadata must be text'],
  [
    'metadata nested 200,000 deep [23]',
    file(`{"__metadata__":${'['.repeat(200_000)}`),
    'bad_safetensors',
    'metadata must be text',
    'deeper',
  ],
];

describe('readSafetensorsHeader refuses', () => {
  it.each(CASES)('%s', async (_, bytes, code, ...fragments) => {
    const { place } = await expectBadInput(open(bytes), code, ...fragments);
    expect(place.file).toBe('model.safetensors');
  });

  it('names the tensor and the field where there is one', async () => {
    await expect(open(one('"F31"', '[1]', '[0,4]', 4))).rejects.toMatchObject({
      place: { file: 'model.safetensors', tensor: 'w', field: 'dtype' },
    });
  });

  it('every cut of a good file', async () => {
    const whole = file(`{${f32('a', 0, 8)},${f32('b', 8, 16)}}`, 16);
    await open(whole);
    for (let length = 0; length < whole.length; length++) {
      await expect(open(whole.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(WhittleError);
    }
  });
});

describe('readSafetensorsHeader accepts', () => {
  it('white space around the header [9]', async () => {
    const { entries } = await open(file(` \n{ ${f32('w', 0, 4)} }   `, 4));
    expect(entries.map(({ name }) => name)).toEqual(['w']);
  });

  it('names that are dangerous elsewhere, as plain text [24]', async () => {
    const names = ['__proto__', 'constructor', 'a\0b', '../../x', '<img onerror=alert(1)>', 'ü𝛾'];
    const header = `{${names.map((name, i) => f32(name, 4 * i, 4 * i + 4)).join()}}`;
    const bytes = file(header, 4 * names.length);
    expect((await open(bytes)).entries.map(({ name }) => name)).toEqual(names);
    const { checkpoint } = await openSafetensors([blobSource('m', new Blob([bytes.slice()]))]);
    expect(checkpoint.tensors.get('__proto__')?.bytes).toBe(4);
  });

  it('scalars, empty tensors and types that are not decoded', async () => {
    const header =
      '{"__metadata__":{"format":"pt"},"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},' +
      '"e":{"dtype":"I8","shape":[0,5],"data_offsets":[8,8]},"q":{"dtype":"F4","shape":[4],"data_offsets":[8,10]}}';
    const { entries, metadata } = await open(file(header, 10));
    expect(entries.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['s', 8],
      ['e', 0],
      ['q', 2],
    ]);
    expect(metadata.get('format')).toBe('pt');
  });

  it('100,000 tensors in a few seconds [25]', async () => {
    const header = `{${Array.from({ length: 100_000 }, (_, i) => f32(`layer.${i}.weight`, 4 * i, 4 * i + 4)).join()}}`;
    const { entries } = await open(file(header, 400_000));
    expect(entries).toHaveLength(100_000);
    expect(entries[99_999].offset).toBe(8 + header.length + 399_996);
  }, 20_000);
});
