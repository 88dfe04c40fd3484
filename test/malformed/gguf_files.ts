/** @file Malformed GGUF: counts, lengths, types, alignments and offsets that cannot be, and files cut off. */
import { family } from '../fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily } from '../fixtures/gguf_model.ts';
import {
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
} from '../fixtures/raw_gguf.ts';
import { FOREIGN, type Malformed, seeded } from './malformed.ts';

const FILE = 'model.gguf';
const FAULT = ['bad_gguf', 'unsupported_dtype', 'truncated_file', 'unknown_architecture', 'not_a_model'] as const;

function file(what: string, blob: Blob | (() => Promise<Blob>), rest: Partial<Malformed> = {}): Malformed {
  const files = async () => [{ path: FILE, blob: blob instanceof Blob ? blob : await blob() }];
  return { what: `${FILE}: ${what}`, files, code: FAULT, file: FILE, ...rest };
}

const broken = (what: string, options: RawGguf, rest: Partial<Malformed> = {}) =>
  file(what, new Blob([rawGguf(options)]), rest);

const keys = (...pairs: ReturnType<typeof pair>[]): RawGguf => ({ pairs });
const tensors = (...infos: Parameters<typeof info>[0][]): RawGguf => ({ infos: infos.map(info) });

function structures(random: (below: number) => number): Malformed[] {
  const large = () => 2n ** BigInt(33 + random(30));
  return [
    broken('another magic', { magic: raw('GGUX') }),
    broken('a GGML file', { magic: raw('lmgg') }),
    broken('version 0', { version: u32(0) }, { found: 'version' }),
    broken('a version from the future', { version: u32(4 + random(1000)) }, { found: 'version' }),
    broken('a big-endian version', { version: u32(0x03000000) }, { found: 'big-endian' }),
    broken('−1 tensors', { tensor_count: -1 }, { found: '18446744073709551615' }),
    broken('more tensors than bytes', { tensor_count: large() }, { found: 'tensors' }),
    broken('−1 keys', { key_count: -1 }, { found: '18446744073709551615' }),
    broken('more keys than bytes', { key_count: large() }, { found: 'pairs' }),
    broken('a key longer than the file', { pairs: [[str('k', large()), u32(4), u32(1)]] }, { found: 'Key 0' }),
    broken('an empty key', keys(uint('', 1)), { found: 'Key 0' }),
    broken('a key given twice', keys(uint('a.b', 1), uint('a.b', 2)), { where: 'a.b' }),
    broken('an unknown type of value', keys(pair('a', 13 + random(100), u32(0))), { where: 'a' }),
    broken('lists in lists', keys(list('a', TYPE.array, 1, u32(4), u64(0))), { where: 'a' }),
    broken('a list longer than the file', keys(list('a', TYPE.uint8, large())), { where: 'a' }),
    broken('a list of texts longer than the file', keys(list('a', TYPE.string, large())), { where: 'a' }),
    broken('a text past the end', keys(pair('a.b', TYPE.string, str('x', 9999))), { where: 'a.b' }),
    broken('a flag of 2', keys(pair('a', TYPE.bool, u8(2))), { where: 'a' }),
    ...[0, 3, 13, 2 ** 31].map((alignment) =>
      broken(`an alignment of ${alignment}`, keys(uint('general.alignment', alignment)), {
        where: 'general.alignment',
      }),
    ),
    broken('an alignment of text', keys(text('general.alignment', '32')), { where: 'general.alignment' }),
    broken('a tensor without a name', tensors({ name: str('') }), { found: 'tensor 0' }),
    broken('a tensor with 65 bytes of name', tensors({ name: str('w'.repeat(65)) }), { found: 'tensor 0' }),
    broken('a tensor without dimensions', tensors({ sizes: [] }), { where: 'w' }),
    broken('five dimensions', tensors({ sizes: [1, 1, 1, 1, 1] }), { where: 'w' }),
    broken('2^32 − 1 dimensions', tensors({ dimensions: 2 ** 32 - 1 }), { where: 'w' }),
    broken('a dimension of −1', tensors({ sizes: [-1, 2] }), { where: 'w' }),
    broken('a product of 2^64', tensors({ sizes: [2n ** 32n, 2n ** 32n] }), { where: 'w' }),
    broken('a removed type', tensors({ type: 4 }), { where: 'w' }),
    broken('an unknown type', tensors({ type: 200 + random(50) }), { where: 'w' }),
    broken('a row that is no whole block', tensors({ type: 2, sizes: [20, 2] }), { where: 'w' }),
    broken('an offset off the alignment', tensors({ offset: 1 + random(31) }), { where: 'w' }),
    broken('an offset past the end', tensors({ offset: 32 * (2 + random(1000)) }), { where: 'w' }),
    broken('an offset of 2^64 − 32', tensors({ offset: -32 }), { where: 'w' }),
    broken('a tensor twice', tensors({}, {}), { where: 'w' }),
    broken('no architecture', keys(text('general.name', 'x')), { where: 'general.architecture' }),
    broken('an architecture that is a number', keys(uint('general.architecture', 3)), {
      where: 'general.architecture',
    }),
    broken('an unknown architecture', keys(text('general.architecture', 'perceptron')), {
      where: 'general.architecture',
    }),
    broken('an architecture alone', {}, { where: 'llama.' }),
    ...FOREIGN.slice(0, 2).map(([what, content, found]) => file(what, new Blob([content]), { found })),
  ];
}

/** Keys of a whole model, one spoilt at a time. */
function metadata(): Malformed[] {
  const spoilt: [key: string, value: number][] = [
    ['llama.block_count', 2 ** 32 - 1],
    ['llama.block_count', 0],
    ['llama.attention.head_count', 0],
    ['llama.attention.head_count', 7],
    ['llama.embedding_length', 0],
    ['llama.feed_forward_length', 0],
    ['llama.context_length', 0],
    ['llama.expert_count', 8],
  ];
  return spoilt.map(([key, value]) =>
    file(
      `${key} is ${value}`,
      async () => {
        const model = ggufFamily(await family('llama'));
        model.metadata.set(key, { type: 'uint32', value });
        return ggufBlob(model);
      },
      { code: [...FAULT, 'bad_config', 'missing_tensor', 'shape_mismatch'] },
    ),
  );
}

function cutOff(random: (below: number) => number): Malformed[] {
  return Array.from({ length: 10 }, (_, i) => {
    const part = (1 + i + random(100) / 100) / 12;
    return file(`cut off after ${Math.round(100 * part)} % of its bytes`, async () => {
      const blob = await ggufBlob(ggufFamily(await family('llama')));
      return blob.slice(0, Math.floor(blob.size * part));
    });
  });
}

export function ggufFiles(seed: number): Malformed[] {
  const random = seeded(seed);
  return [...structures(random), ...metadata(), ...cutOff(random)];
}
