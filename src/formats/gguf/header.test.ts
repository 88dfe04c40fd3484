import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import {
  f32,
  info,
  list,
  pair,
  type RawGguf,
  raw,
  rawGguf,
  str,
  TYPE,
  text,
  u8,
  u32,
  u64,
  uint,
} from '../../../test/fixtures/raw_gguf.ts';
import type { ErrorCode } from '../../errors/errors.ts';
import { blobSource } from '../source.ts';
import { readGgufHeader, roundUp } from './header.ts';

const read = (bytes: Uint8Array<ArrayBuffer>) => readGgufHeader(blobSource('bad.gguf', new Blob([bytes])));

type Case = [what: string, file: RawGguf, code: ErrorCode, ...fragments: string[]];

const keys = (...pairs: ReturnType<typeof pair>[]): RawGguf => ({ pairs });
const tensors = (...infos: Parameters<typeof info>[0][]): RawGguf => ({ infos: infos.map(info) });
const NOT_UTF8 = Uint8Array.of(0x61, 0xff);

const CASES: readonly Case[] = [
  ['an unknown magic', { magic: raw('GGUX') }, 'not_a_model', 'starts with "GGUX"', 'GGUF'],
  ['a GGML file', { magic: raw('lmgg') }, 'bad_gguf', 'before GGUF', 'version 2 or 3'],
  ['a GGJT file', { magic: raw('tjgg') }, 'bad_gguf', 'before GGUF'],
  ['a web page', { magic: raw('<!DOCTYPE html>') }, 'not_a_model', 'web page'],
  ['a Git LFS pointer', { magic: raw('version https://git-lfs.github.com/spec/v1') }, 'not_a_model', 'Git LFS'],
  ['version 0', { version: u32(0) }, 'bad_gguf', 'version is 0', 'version 2 or 3'],
  ['version 1', { version: u32(1) }, 'bad_gguf', 'version is 1'],
  ['version 4', { version: u32(4) }, 'bad_gguf', 'version is 4'],
  ['a big-endian file', { version: u32(0x03000000) }, 'bad_gguf', 'big-endian'],
  ['−1 tensors', { tensor_count: -1 }, 'bad_gguf', '18446744073709551615 tensors', 'impossible in'],
  ['2^40 tensors', { tensor_count: 2 ** 40 }, 'bad_gguf', '1099511627776 tensors'],
  ['−1 pairs', { key_count: -1 }, 'bad_gguf', 'metadata pairs', 'impossible in'],
  ['more pairs than bytes allow', { key_count: 40 }, 'bad_gguf', '40 metadata pairs'],
  ['a key length of −1', { pairs: [[str('k', -1), u32(4), u32(1)]] }, 'bad_gguf', 'Key 0', 'end of the file'],
  ['a key length of 2^32', { pairs: [[str('k', 2n ** 32n), u32(4), u32(1)]] }, 'bad_gguf', 'Key 0 has 4294967296'],
  ['a key of 65,536 bytes', keys(uint('k'.repeat(65_536), 1)), 'bad_gguf', 'Key 0 has 65536', 'at most 65535'],
  ['a key that is not UTF-8', { pairs: [[str(NOT_UTF8), u32(4), u32(1)]] }, 'bad_gguf', 'Key 0 is not UTF-8'],
  ['an empty key', keys(uint('a', 1), uint('', 1)), 'bad_gguf', 'Key 1 is empty'],
  ['a key given twice', keys(uint('a.b', 1), uint('a.b', 1)), 'bad_gguf', '"a.b" is given twice'],
  ['an unknown value type', keys(pair('a', 13, u32(0))), 'bad_gguf', 'value type 13 of "a"', '0 to 12'],
  ['an unknown type of entries', keys(list('a', 99, 1, u32(0))), 'bad_gguf', 'value type 99'],
  ['arrays in arrays', keys(list('a', TYPE.array, 1, u32(4), u64(0))), 'bad_gguf', 'nesting is not supported'],
  ['an array of 2^60 strings', keys(list('a', TYPE.string, 2n ** 60n)), 'bad_gguf', '1152921504606846976 entries'],
  ['an array of 2^60 bytes', keys(list('a', TYPE.uint8, 2n ** 60n)), 'bad_gguf', 'does not fit'],
  ['an array longer than the file', keys(list('a', TYPE.uint64, 100)), 'bad_gguf', '100 entries does not fit'],
  ['a string past the end', keys(pair('a.b', TYPE.string, str('x', 9999))), 'bad_gguf', '"a.b"', 'end of the file'],
  ['an entry past the end', keys(list('a', TYPE.string, 2, str('x'), str('y', 9999))), 'bad_gguf', 'Entry 1 of "a"'],
  ['a bool of 2', keys(pair('a', TYPE.bool, u8(2))), 'bad_gguf', 'byte 2', '0 or 1'],
  ['alignment 0', keys(uint('general.alignment', 0)), 'bad_gguf', 'alignment is 0 (uint32)', 'power of two'],
  ['alignment 13', keys(uint('general.alignment', 13)), 'bad_gguf', 'power of two'],
  ['alignment 2^31', keys(uint('general.alignment', 2 ** 31)), 'bad_gguf', 'power of two'],
  ['an alignment of text', keys(text('general.alignment', '32')), 'bad_gguf', '"32" (string)'],
  ['an alignment in u64', keys(pair('general.alignment', TYPE.uint64, u64(32))), 'bad_gguf', 'a uint32'],
  ['an empty tensor name', tensors({ name: str('') }), 'bad_gguf', 'name of tensor 0 is empty'],
  ['a tensor name of 65 bytes', tensors({ name: str('w'.repeat(65)) }), 'bad_gguf', 'tensor 0 has 65 bytes', '64'],
  ['a tensor name that is not UTF-8', tensors({ name: str(NOT_UTF8) }), 'bad_gguf', 'not UTF-8'],
  ['no dimensions', tensors({ sizes: [] }), 'bad_gguf', '"w" has 0 dimensions', '1 to 4'],
  ['5 dimensions', tensors({ sizes: [1, 1, 1, 1, 1] }), 'bad_gguf', '"w" has 5 dimensions'],
  ['2^32 − 1 dimensions', tensors({ dimensions: 2 ** 32 - 1 }), 'bad_gguf', '4294967295 dimensions'],
  ['a dimension of −1', tensors({ sizes: [-1, 2] }), 'bad_gguf', 'too large'],
  ['a product of 2^64', tensors({ sizes: [2n ** 30n, 2n ** 30n, 2n ** 4n] }), 'bad_gguf', 'too large'],
  ['the removed type 4', tensors({ type: 4 }), 'unsupported_dtype', 'tensor type 4 of "w"', 'Q4_K'],
  ['the unknown type 255', tensors({ type: 255 }), 'unsupported_dtype', 'tensor type 255'],
  [
    'a row of 20 in blocks of 32',
    tensors({ type: 2, sizes: [20, 2] }),
    'bad_gguf',
    'row of "w" has 20',
    'multiple of 32',
  ],
  ['an unaligned offset', tensors({ offset: 4 }), 'bad_gguf', 'offset 4 of "w"', 'multiple of the alignment, 32'],
  ['an offset past the end', tensors({ offset: 64 }), 'truncated_file', '"w" ends at byte', 'the file ends at'],
  ['an offset of 2^64 − 32', tensors({ offset: 2n ** 64n - 32n }), 'bad_gguf', 'offset 18446744073709551584'],
  ['two tensors at one place', tensors({}, { name: str('v') }), 'bad_gguf', 'share bytes', '"v"'],
  ['a tensor declared twice', { ...tensors({}, { offset: 32 }), data: 64 }, 'bad_gguf', '"w" is declared twice'],
  ['a gap', { ...tensors({}, { name: str('v'), offset: 96 }), data: 128 }, 'bad_gguf', 'belong to no tensor', '"v"'],
  ['data that is cut off', { data: 24 }, 'truncated_file', '"w" ends at byte', 'fetch the file again'],
  ['bytes after the last tensor', { data: 100 }, 'bad_gguf', '68 unclaimed bytes'],
];

describe('readGgufHeader', () => {
  it.each<Case>(CASES)('refuses %s', async (_, file, code, ...fragments) => {
    const started = performance.now();
    await expectBadInput(read(rawGguf(file)), code, 'bad.gguf', ...fragments);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('refuses every cut of a valid file', async () => {
    const whole = rawGguf({
      pairs: [text('general.architecture', 'llama'), list('a', TYPE.string, 2, str('x'), str('y'))],
    });
    await read(whole);
    for (let length = 0; length < whole.length; length++) {
      const codes = ['not_a_model', 'bad_gguf', 'truncated_file'];
      const error = await read(whole.slice(0, length)).catch((thrown: unknown) => thrown);
      expect(codes, `cut at ${length}: ${error}`).toContain((error as { code?: string }).code);
    }
  });

  it('reads values of every kind', async () => {
    const { metadata, version } = await read(
      rawGguf({
        version: u32(2),
        pairs: [
          text('t', 'grün'),
          uint('u', 4_000_000_000),
          pair('i', TYPE.int32, u32(0xffff_fffe)),
          pair('f', TYPE.float32, f32(1e-5)),
          pair('b', TYPE.bool, u8(1)),
          pair('big', TYPE.uint64, u64(2n ** 60n)),
          list('strings', TYPE.string, 3, str('a'), str(''), str('🙂')),
          list('numbers', TYPE.int32, 2, u32(0xffff_ffff), u32(7)),
        ],
      }),
    );
    expect(version).toBe(2);
    expect(metadata.text('t')).toBe('grün');
    expect(metadata.integer('u', { max: 2 ** 32 })).toBe(4_000_000_000);
    expect(metadata.integer('i', { min: -5 })).toBe(-2);
    expect(metadata.number('f')).toBe(1e-5);
    expect(metadata.bool('b')).toBe(true);
    expect(metadata.get('big')).toEqual({ type: 'uint64', value: 2n ** 60n });
    expect(metadata.strings('strings')).toEqual(['a', '', '🙂']);
    expect(metadata.numbers('numbers')).toEqual([-1, 7]);
    expect(metadata.integer('absent')).toBeUndefined();
    expect(() => metadata.integer('t')).toThrow('t is "grün" (string).');
    expect(() => metadata.integer('big')).toThrow('1152921504606846976');
    expect(() => metadata.strings('numbers')).toThrow('an array of 2 int32');
    expect(() => metadata.uniformInteger('numbers')).toThrow('differs from layer to layer');
  });

  it('keeps names that look like code or paths, as text', async () => {
    const names = ['__proto__', '../../x', '<img onerror=x>', 'a\0b'];
    const infos = names.map((name, i) => info({ name: str(name), offset: 32 * i }));
    const { tensors, metadata } = await read(rawGguf({ infos, data: 128, pairs: names.map((name) => uint(name, 1)) }));
    expect(tensors.map(({ name }) => name)).toEqual(names);
    expect(metadata.keys()).toEqual(names);
  });

  it('gives shapes outermost first, offsets in the file, and obeys the alignment', async () => {
    const { tensors, data_offset, alignment } = await read(
      rawGguf({
        pairs: [uint('general.alignment', 64)],
        infos: [
          info({}),
          info({ name: str('q'), sizes: [32, 2, 3], type: 8, offset: 64 }),
          info({ name: str('e'), sizes: [0], offset: 320 }),
        ],
        alignment: 64,
        data: 320,
      }),
    );
    expect(alignment).toBe(64);
    expect(data_offset % 64).toBe(0);
    expect(tensors).toMatchObject([
      { name: 'w', type: 'F32', shape: [2, 4], offset: data_offset, bytes: 32 },
      { name: 'q', type: 'Q8_0', shape: [3, 2, 32], offset: data_offset + 64, bytes: 6 * 34 },
      { name: 'e', type: 'F32', shape: [0], bytes: 0 },
    ]);
  });

  it('lists types that are not decoded', async () => {
    const { tensors } = await read(rawGguf({ infos: [info({ sizes: [256], type: 16 })], data: 96 }));
    expect(tensors[0]).toMatchObject({ type: 'IQ2_XXS', bytes: 66 });
  });

  it('says of an empty file that it is empty', async () => {
    const reading = readGgufHeader(blobSource('model.gguf', new Blob([])));
    await expectBadInput(reading, 'not_a_model', 'it is empty', 'Download the file again');
  });

  it('pads numbers that 32-bit arithmetic would spoil', () => {
    expect(roundUp(2 ** 31 + 1, 32)).toBe(2 ** 31 + 32);
  });

  it('reads little more than the header of a large file', async () => {
    const bytes = rawGguf({ infos: [info({ sizes: [1024, 1024] })], data: 4 * 2 ** 20 });
    let asked = 0;
    const source = blobSource('large.gguf', new Blob([bytes]));
    const counting = {
      ...source,
      read(offset: number, length: number) {
        asked += length;
        return source.read(offset, length);
      },
    };
    await readGgufHeader(counting);
    expect(asked).toBeLessThan(100_000);
  });
});
