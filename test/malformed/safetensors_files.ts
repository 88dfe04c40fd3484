/** @file Malformed safetensors: every field of a header wrong in every way, lengths that lie, and files cut off. */
import { type TinyTensor, tinyLlama, tinyLlamaTensors } from '../fixtures/tiny_llama.ts';
import { FOREIGN, type Malformed, seeded, withFile } from './malformed.ts';

const FILE = 'model.safetensors';
const FAULT = ['bad_safetensors', 'truncated_file'] as const;

type Entry = Record<string, unknown>;

/** Bytes of a file with this text as header and so many bytes of data; `length` lies about the header's. */
function bytesOf(header: string | Uint8Array, data: number, length?: bigint): Uint8Array<ArrayBuffer> {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The header of the tiny model, as data. */
function header(): { entries: Record<string, Entry>; data: number } {
  let offset = 0;
  const entries: Record<string, Entry> = {};
  for (const { name, shape, values } of tinyLlamaTensors() as TinyTensor[]) {
    const end = offset + 4 * values.length;
    entries[name] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  return { entries, data: offset };
}

const NAMES = Object.keys(header().entries);

function file(what: string, blob: () => Uint8Array<ArrayBuffer>, rest: Partial<Malformed> = {}): Malformed {
  return {
    what: `${FILE}: ${what}`,
    files: () => withFile(FILE, new Blob([blob()])),
    code: FAULT,
    file: FILE,
    ...rest,
  };
}

/** One field of one tensor, chosen by the seed. */
const BAD_VALUES: readonly (readonly [field: string, values: readonly unknown[]])[] = [
  ['dtype', ['F31', 'f32', '', 32, null, ['F32'], undefined]],
  ['shape', ['16', 16, null, {}, [-1, 16], [16.5], ['16'], [null], [[16]], [2 ** 52, 2 ** 52], [9e15, 2], undefined]],
  ['data_offsets', ['0', null, {}, [0], [0, 64, 128], [64, 0], [-64, 0], [0, 0.5], [0, 1e18], ['0', '64'], undefined]],
];

function fields(random: (below: number) => number): Malformed[] {
  return BAD_VALUES.flatMap(([field, values]) =>
    values.map((value) => {
      const name = NAMES[random(NAMES.length)];
      const shown = value === undefined ? 'nothing' : JSON.stringify(value);
      return file(
        `${field} of ${name} is ${shown}`,
        () => {
          const { entries, data } = header();
          entries[name][field] = value;
          return bytesOf(JSON.stringify(entries), data);
        },
        { where: name, found: name },
      );
    }),
  );
}

function layouts(random: (below: number) => number): Malformed[] {
  const moved = (what: string, by: number): Malformed => {
    const name = NAMES[1 + random(NAMES.length - 1)];
    return file(
      what,
      () => {
        const { entries, data } = header();
        const [begin, end] = entries[name].data_offsets as [number, number];
        entries[name].data_offsets = [begin + by, end + by];
        return bytesOf(JSON.stringify(entries), data + Math.max(by, 0));
      },
      { where: 'model.' },
    );
  };
  const plain = () => JSON.stringify(header().entries);
  const { data } = header();
  const first = JSON.stringify(NAMES[0]);
  const entry = JSON.stringify(header().entries[NAMES[0]]);
  return [
    moved('tensors that overlap by a number', -4),
    moved('tensors that overlap by many', -16),
    moved('a hole between tensors', 4),
    file('bytes that no tensor claims', () => bytesOf(plain(), data + 1), { found: '1 unclaimed' }),
    file('a second file behind the first', () => bytesOf(plain(), data + 4096), { found: '4096 unclaimed' }),
    file('a tensor declared twice', () => bytesOf(plain().replace('{', `{${first}:${entry},`), data), {
      where: NAMES[0],
      found: 'declared twice',
    }),
    file('a field given twice', () => bytesOf(plain().replace('"dtype"', '"dtype":"F32","dtype"'), data), {
      where: 'dtype',
      found: 'given twice',
    }),
    file('a tensor that is a list', () => bytesOf(plain().replace(entry, '[]'), data), { where: NAMES[0] }),
    file('a size with a point', () => bytesOf(plain().replace('"shape":[264,', '"shape":[264.0,'), data), {
      where: 'shape',
      found: '264.0',
    }),
    file('metadata that is a list', () => bytesOf(plain().replace('{', '{"__metadata__":[],'), data), {
      where: '__metadata__',
    }),
    file('metadata with a number', () => bytesOf(plain().replace('{', '{"__metadata__":{"a":1},'), data), {
      where: '__metadata__',
    }),
    file(
      'metadata 200,000 deep',
      () => bytesOf(plain().replace('{', `{"__metadata__":${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)},`), data),
      { where: '__metadata__' },
    ),
  ];
}

function headers(): Malformed[] {
  const text = JSON.stringify(header().entries);
  const { data } = header();
  return [
    file('nothing', () => new Uint8Array(0), { code: 'not_a_model', found: '0 bytes' }),
    file('seven bytes', () => new Uint8Array(7), { code: 'not_a_model', found: '7 bytes' }),
    file('a header of length 0', () => bytesOf('', 8), { found: 'length is 0' }),
    file('a header longer than the file', () => bytesOf(text, data, 10_000_000n), { found: '10000000 bytes' }),
    file('a header beyond the limit', () => bytesOf(text, data, 100_000_001n), { found: '100000001' }),
    file('a header of 2^64 − 1 bytes', () => bytesOf(text, data, -1n & 0xffffffffffffffffn), {
      found: '18446744073709551615',
    }),
    file('a header cut short by its length', () => bytesOf(text, data, BigInt(text.length - 5)), { found: 'byte' }),
    file('a header that is a list', () => bytesOf('[]', 0), { found: 'a list' }),
    file('a header that is a number', () => bytesOf('12345678', 0), { found: '12345678' }),
    file('a header that is null', () => bytesOf('null', 0), { found: 'null' }),
    file('a byte-order mark', () => bytesOf(`\ufeff${text}`, data), { found: 'byte 0' }),
    file('text behind the header', () => bytesOf(`${text}x`, data), { found: 'after the end' }),
    file('a header that is not UTF-8', () => bytesOf(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x7d]), 0), {
      found: 'UTF-8',
    }),
    file('a comma too many', () => bytesOf(text.replace(/}$/, ',}'), data), { found: 'byte' }),
    file('NaN in the header', () => bytesOf(text.replace('264', 'NaN'), data), { found: 'byte' }),
    ...FOREIGN.map(([what, content, found]) => ({
      what: `${FILE}: ${what}`,
      files: () => withFile(FILE, new Blob([content])),
      code: 'not_a_model' as const,
      file: FILE,
      found,
    })),
    {
      what: `${FILE}: a server's message`,
      files: () => withFile(FILE, new Blob(['{"error":"Access to this model is restricted"}'])),
      code: 'not_a_model',
      file: FILE,
      found: 'JSON',
    },
  ];
}

function cutOff(random: (below: number) => number): Malformed[] {
  const whole = async () => (await tinyLlama({ folder: '' })).find(({ path }) => path === FILE)!.blob;
  return Array.from({ length: 12 }, (_, i) => {
    const part = (1 + i + random(100) / 100) / 14;
    return {
      what: `${FILE}: cut off after ${Math.round(100 * part)} % of its bytes`,
      files: async () => {
        const blob = await whole();
        return withFile(FILE, blob.slice(0, Math.floor(blob.size * part)));
      },
      code: FAULT,
      file: FILE,
      found: 'byte',
    };
  });
}

export function safetensorsFiles(seed: number): Malformed[] {
  const random = seeded(seed);
  return [...fields(random), ...layouts(random), ...headers(), ...cutOff(random)];
}
