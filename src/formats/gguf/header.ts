/**
 * @file Reads the header of one GGUF file: magic, version, counts, metadata, tensor infos. Everything that the file says
 * about lengths is compared with the bytes that are there before it is believed. Source: GGUF specification, versions 2
 * and 3; limits after ggml's own reader.
 */
import { WhittleError } from '../../errors/errors.ts';
import { quoteText } from '../json.ts';
import { recogniseForeign, SIGNATURE_BYTES } from '../recognise.ts';
import type { ByteSource } from '../source.ts';
import { HeaderCursor } from './cursor.ts';
import { badGguf, unsupportedGguf } from './errors.ts';
import { checkLayout } from './layout.ts';
import { GgufMetadata } from './metadata.ts';
import { settleTwoBits } from './two_bits.ts';
import {
  blockOfType,
  DECODED_TYPES,
  DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  MAX_TENSOR_DIMENSIONS,
  MAX_TENSOR_NAME_BYTES,
  TENSOR_TYPES,
} from './types.ts';
import { decodeText, readBytes, readValue, type Value } from './values.ts';

/** Beyond any real model; keeps a hostile header from filling memory. */
export const MAX_TENSORS = 1_000_000;
export const MAX_KEYS = 65_536;
const MAX_KEY_BYTES = 65_535;
/** Magic, version, two counts. */
const FIXED_BYTES = 24;
/** The least that a pair or a tensor info takes: lengths, one letter, types, one byte of value or one dimension. */
const LEAST_PAIR_BYTES = 8 + 1 + 4 + 1;
const LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;
/** `ggml`, `ggmf`, `ggjt`, `ggla` as little-endian words: what came before GGUF. */
const LEGACY_MAGICS = ['lmgg', 'fmgg', 'tjgg', 'algg'];

export interface GgufTensor {
  /** As the file has it: `blk.0.attn_q.weight`. */
  readonly name: string;
  /** A name of {@link TENSOR_TYPES}. */
  readonly type: string;
  /** Row-major, outermost first: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** Offset in the file, not in the data section. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  /** In file order. */
  readonly tensors: readonly GgufTensor[];
  /** Where the data section begins. */
  readonly data_offset: number;
  readonly alignment: number;
}

/** Reads and checks the header; no tensor data is read. Throws `not_a_model`, `bad_gguf`, `truncated_file`. */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  const cursor = new HeaderCursor(source);
  await checkMagic(source);
  await cursor.need(FIXED_BYTES, 'The header');
  cursor.take(GGUF_MAGIC.length);
  const version = checkVersion(source.name, cursor.uint32());
  const tensorCount = checkCount(cursor, 'tensors', cursor.uint64(), LEAST_TENSOR_BYTES, MAX_TENSORS);
  const keyCount = checkCount(cursor, 'metadata pairs', cursor.uint64(), LEAST_PAIR_BYTES, MAX_KEYS);
  const metadata = await readMetadata(cursor, keyCount);
  const alignment = readAlignment(metadata);
  const infos: Info[] = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const info = await readTensorInfo(cursor, i);
    if (names.has(info.name)) {
      throw badGguf(source.name, `Tensor ${quoteText(info.name)} is declared twice.`, { tensor: info.name });
    }
    names.add(info.name);
    infos.push(info);
  }
  const data_offset = roundUp(cursor.position, alignment);
  const settled = settleTwoBits(infos, source.size - data_offset, alignment);
  const tensors = settled.map((info) => place(source.name, info, data_offset, alignment));
  checkLayout(source, tensors, data_offset, alignment);
  return { version, metadata, tensors, data_offset, alignment };
}

/** Least multiple of `alignment` that is not below `value`. In doubles: JavaScript's `&` is 32-bit. */
export function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

async function checkMagic(source: ByteSource): Promise<void> {
  const head = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  const magic = new TextDecoder('latin1').decode(head.subarray(0, GGUF_MAGIC.length));
  if (magic === GGUF_MAGIC) return;
  if (LEGACY_MAGICS.includes(magic)) {
    throw badGguf(source.name, 'This is a GGML file from before GGUF.', {
      allowed: 'GGUF version 2 or 3',
      action: "Convert it with llama.cpp's convert_llama_ggml_to_gguf.py, or fetch a current GGUF of the model.",
    });
  }
  const foreign = recogniseForeign(source.name, head, 'a GGUF file');
  if (foreign) throw foreign;
  throw new WhittleError({
    code: 'not_a_model',
    message: `This is not a GGUF file: it ${head.length === 0 ? 'is empty' : `starts with ${quoteText(magic)}`}.`,
    place: { file: source.name },
    allowed: `a file that starts with ${GGUF_MAGIC}`,
    action: 'Download the file again.',
  });
}

function checkVersion(file: string, version: number): number {
  if (version === 2 || version === 3) return version;
  // A small number in the upper half is a small number stored the other way round.
  if (version !== 0 && (version & 0xffff) === 0) {
    throw badGguf(file, 'This is a big-endian GGUF file, which is not read.', {
      allowed: 'little-endian GGUF',
      action: 'Convert it with gguf_convert_endian.py of the gguf package, or fetch the little-endian file.',
    });
  }
  throw badGguf(file, `The GGUF version is ${version}.`, { allowed: 'version 2 or 3' });
}

function checkCount(cursor: HeaderCursor, what: string, count: bigint, least: number, most: number): number {
  const { name, size } = cursor.source;
  const room = BigInt(Math.max(0, size - FIXED_BYTES));
  if (count * BigInt(least) > room) {
    throw badGguf(name, `The header declares ${count} ${what}, which is impossible in ${size} bytes.`, {
      allowed: `at most ${room / BigInt(least)} in a file of this size`,
    });
  }
  if (count > BigInt(most)) {
    throw badGguf(name, `The header declares ${count} ${what}.`, { allowed: `at most ${most}` });
  }
  return Number(count);
}

async function readMetadata(cursor: HeaderCursor, count: number): Promise<GgufMetadata> {
  const file = cursor.source.name;
  const values = new Map<string, Value>();
  for (let i = 0; i < count; i++) {
    const bytes = await readBytes(cursor, `Key ${i}`, MAX_KEY_BYTES);
    const key = decodeText(bytes);
    if (key === undefined) throw badGguf(file, `Key ${i} is not UTF-8.`);
    if (key === '') throw badGguf(file, `Key ${i} is empty.`);
    if (values.has(key)) throw badGguf(file, `The key ${quoteText(key)} is given twice.`, { field: key });
    values.set(key, await readValue(cursor, key));
  }
  return new GgufMetadata(file, values);
}

function readAlignment(metadata: GgufMetadata): number {
  const key = 'general.alignment';
  const value = metadata.get(key);
  if (value === undefined) return DEFAULT_ALIGNMENT;
  const alignment = value.type === 'uint32' ? Number(value.value) : Number.NaN;
  if (!(alignment >= 8 && alignment <= 2 ** 20 && Number.isInteger(Math.log2(alignment)))) {
    throw badGguf(metadata.file, `The alignment is ${metadata.show(key)}.`, {
      field: key,
      allowed: 'a uint32 that is a power of two, 8 to 1048576',
    });
  }
  return alignment;
}

interface Info {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly offset: bigint;
  readonly bytes: number;
}

async function readTensorInfo(cursor: HeaderCursor, index: number): Promise<Info> {
  const file = cursor.source.name;
  const what = `The name of tensor ${index}`;
  const name = decodeText(await readBytes(cursor, what, MAX_TENSOR_NAME_BYTES));
  if (name === undefined) throw badGguf(file, `${what} is not UTF-8.`);
  if (name === '') throw badGguf(file, `${what} is empty.`);
  const rest = `The entry of tensor ${quoteText(name)}`;
  await cursor.need(4, rest);
  const dimensions = cursor.uint32();
  if (dimensions < 1 || dimensions > MAX_TENSOR_DIMENSIONS) {
    throw badGguf(file, `Tensor ${quoteText(name)} has ${dimensions} dimensions.`, {
      tensor: name,
      allowed: `1 to ${MAX_TENSOR_DIMENSIONS}`,
    });
  }
  await cursor.need(dimensions * 8 + 12, rest);
  const sizes = Array.from({ length: dimensions }, () => cursor.uint64());
  const number = cursor.uint32();
  const offset = cursor.uint64();
  const type = TENSOR_TYPES.get(number);
  if (type === undefined) {
    throw unsupportedGguf(file, `The tensor type ${number} of ${quoteText(name)} is not known.`, {
      code: 'unsupported_dtype',
      tensor: name,
      allowed: DECODED_TYPES.join(', '),
      action: 'Fetch the model in one of these types: files named Q4_K_M, Q5_K_M, Q6_K or Q8_0 hold no others.',
    });
  }
  return { name, type, ...measure(file, name, type, sizes), offset };
}

/** Shape and bytes from the dimensions as stored, fastest first. */
function measure(
  file: string,
  name: string,
  type: string,
  sizes: readonly bigint[],
): { shape: number[]; bytes: number } {
  const { elements, bytes: blockBytes } = blockOfType(type);
  const listed = `[${sizes.join(', ')}]`;
  const total = sizes.reduce((product, size) => product * size, 1n);
  if (sizes.some((size) => size >= 2n ** 31n) || (total / BigInt(elements)) * BigInt(blockBytes) > 2n ** 52n) {
    throw badGguf(file, `The shape ${listed} of ${quoteText(name)} is too large.`, {
      tensor: name,
      allowed: 'dimensions below 2^31 whose product fits in a file',
    });
  }
  if (sizes[0] % BigInt(elements) !== 0n) {
    throw badGguf(file, `A row of ${quoteText(name)} has ${sizes[0]} elements.`, {
      tensor: name,
      allowed: `a multiple of ${elements}, the block of ${type}`,
    });
  }
  return { shape: sizes.map(Number).reverse(), bytes: (Number(total) / elements) * blockBytes };
}

function place(file: string, info: Info, data_offset: number, alignment: number): GgufTensor {
  if (info.offset > 2n ** 52n || info.offset % BigInt(alignment) !== 0n) {
    throw badGguf(file, `The offset ${info.offset} of ${quoteText(info.name)} is not allowed.`, {
      tensor: info.name,
      allowed: `a multiple of the alignment, ${alignment}, inside the file`,
    });
  }
  return { ...info, offset: data_offset + Number(info.offset) };
}
