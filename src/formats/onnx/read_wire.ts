/**
 * @file Protocol Buffers wire format, reading side (protobuf.dev/programming-guides/encoding), by ranges. A generated
 * decoder (onnx-buf on @bufbuild/protobuf) wants the whole file in one ArrayBuffer, and an ONNX file may have 2 GB, so
 * this reader walks the fields through a small window and steps over weights by their length (invariant 6).
 */
import { WhittleError } from '../../errors/errors.ts';
import type { ByteSource } from '../source.ts';

const WINDOW_BYTES = 1 << 16;
const MAX_VARINT_BYTES = 10;
/** Names and attribute texts of real exports stay far below. */
const MAX_STRING_BYTES = 1 << 20;
/**
 * What may be looked at in one file, weights not counted. The largest real graphs have tens of megabytes; a hostile file
 * of nothing but tiny fields is refused before it fills memory.
 */
const MAX_STRUCTURE_BYTES = 256 * 2 ** 20;
/** What a field costs beside its own bytes: empty ones must count too. */
const FIELD_COST = 16;
/** Deeper than any real nesting of messages, shallow enough for the stack. */
const MAX_DEPTH = 64;

export type Wire = 'varint' | 'fixed64' | 'bytes' | 'fixed32';
const WIRES: readonly (Wire | undefined)[] = ['varint', 'fixed64', 'bytes', undefined, undefined, 'fixed32'];

export interface Field {
  readonly number: number;
  readonly wire: Wire;
  /** Of a varint, read as int64. Beyond ±2⁵³ it is rounded, so not a safe integer. */
  readonly value: number;
  /** Offsets in the file of the content (of `bytes`: without the length). */
  readonly start: number;
  readonly end: number;
}

/** The fields of one message, in file order. Throws `bad_onnx` and `truncated_file`. */
export class MessageReader {
  private position: number;
  private readonly end: number;
  private readonly file: FileWindow;
  private readonly depth: number;

  private constructor(file: FileWindow, start: number, end: number, depth: number) {
    this.file = file;
    this.position = start;
    this.end = end;
    this.depth = depth;
  }

  /** The file as one message. */
  static of(source: ByteSource): MessageReader {
    return new MessageReader(new FileWindow(source), 0, source.size, 0);
  }

  /** The message inside a field. */
  child(field: Field): MessageReader {
    this.expect(field, 'bytes');
    if (this.depth >= MAX_DEPTH) throw this.bad(field.start, `nested deeper than ${MAX_DEPTH} messages`);
    return new MessageReader(this.file, field.start, field.end, this.depth + 1);
  }

  /** The next field, undefined after the last. Content of `bytes` fields is stepped over, not read. */
  async next(): Promise<Field | undefined> {
    if (this.position === this.end) return undefined;
    const at = this.position;
    await this.file.load(at, 2 * MAX_VARINT_BYTES);
    const tag = this.varint();
    const wire = WIRES[tag & 7];
    const number = Math.floor(tag / 8);
    if (!(number >= 1 && number < 2 ** 29) || !wire) throw this.bad(at, `no field has the tag ${tag}`);
    const start = this.position;
    let value = 0;
    let content = this.position;
    if (wire === 'varint') {
      value = this.varint();
      content = this.position;
    } else if (wire === 'bytes') {
      const length = this.varint();
      const room = this.end - this.position;
      if (!(length >= 0 && length <= room)) throw this.tooLong(at, length, room);
      content = this.position;
      this.position += length;
    } else {
      this.position += wire === 'fixed64' ? 8 : 4;
      if (this.position > this.end) throw this.bad(at, 'a number is cut off');
    }
    this.file.spend(FIELD_COST + content - at, at);
    return { number, wire, value, start: wire === 'bytes' ? content : start, end: this.position };
  }

  /** Content of a short `bytes` or fixed field. */
  async bytes(field: Field, most = MAX_STRING_BYTES): Promise<Uint8Array> {
    const length = field.end - field.start;
    if (length > most) throw this.bad(field.start, `a text or number list has ${length} bytes, more than ${most}`);
    this.file.spend(length, field.start);
    return this.file.read(field.start, length);
  }

  async string(field: Field): Promise<string> {
    this.expect(field, 'bytes');
    const bytes = await this.bytes(field);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.bad(field.start, 'a text is not UTF-8');
    }
  }

  int(field: Field): number {
    this.expect(field, 'varint');
    return field.value;
  }

  /** Content of a repeated int64 field: one value, or a packed list of at most `most`. */
  /** A 32-bit float. */
  async float(field: Field): Promise<number> {
    this.expect(field, 'fixed32');
    const bytes = await this.bytes(field);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  async ints(field: Field, most: number): Promise<number[]> {
    if (field.wire === 'varint') return [field.value];
    this.expect(field, 'bytes');
    const list = new MessageReader(this.file, field.start, field.end, this.depth);
    const values: number[] = [];
    while (list.position < list.end) {
      if (values.length === most) throw this.bad(field.start, `a list has more than ${most} numbers`);
      await list.file.load(list.position, MAX_VARINT_BYTES);
      values.push(list.varint());
    }
    this.file.spend(field.end - field.start, field.start);
    return values;
  }

  expect(field: Field, wire: Wire): void {
    if (field.wire === wire) return;
    throw this.bad(field.start, `field ${field.number} is stored as ${field.wire}, not as ${wire}`);
  }

  bad(byte: number, reason: string): WhittleError {
    return notProtobuf(this.file.source.name, byte, reason);
  }

  /** Seven bits a byte, low ones first. Callers load the window. */
  private varint(): number {
    const at = this.position;
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.position >= this.end) throw this.bad(at, 'a number is cut off');
      const byte = this.file.byte(this.position++);
      // Seven groups fit below 2⁵³; what is longer is rare, so it may be slow.
      if (i < 7) value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return i < 7 ? value : this.longVarint(at);
    }
    throw this.bad(at, 'a number has more than 10 bytes');
  }

  private longVarint(at: number): number {
    let value = 0n;
    for (let i = at; i < this.position; i++) value |= BigInt(this.file.byte(i) & 127) << BigInt(7 * (i - at));
    return Number(BigInt.asIntN(64, value));
  }

  private tooLong(at: number, length: number, room: number): WhittleError {
    const { name, size } = this.file.source;
    const reason = `a field says ${length} bytes, but only ${room} follow`;
    if (this.end < size || !(length > 0) || this.depth > 1) return this.bad(at, reason);
    return new WhittleError({
      code: 'truncated_file',
      message: `The file ends inside a field: at byte ${at}, ${reason}.`,
      place: { file: name },
      allowed: `a file of at least ${size + length - room} bytes`,
      action: 'The download may be incomplete: fetch the file again.',
    });
  }
}

export function notProtobuf(file: string, byte: number, reason: string): WhittleError {
  return new WhittleError({
    code: 'bad_onnx',
    message: `This is not valid protobuf at byte ${byte}: ${reason}.`,
    place: { file },
    allowed: 'an ONNX model',
    action: 'Download the file again, or export it anew.',
  });
}

/** The part of a file that is in memory, shared by all readers of it. */
class FileWindow {
  readonly source: ByteSource;
  private window: Uint8Array = new Uint8Array(0);
  private start = 0;
  private spent = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Makes `length` bytes from `position` available to {@link byte}, fewer at the end of the file. */
  async load(position: number, length: number): Promise<void> {
    const needed = Math.min(position + length, this.source.size);
    if (position >= this.start && needed <= this.start + this.window.length) return;
    this.window = await this.source.read(position, Math.min(WINDOW_BYTES, this.source.size - position));
    this.start = position;
  }

  byte(position: number): number {
    return this.window[position - this.start];
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    if (length > WINDOW_BYTES) return this.source.read(position, length);
    await this.load(position, length);
    return this.window.slice(position - this.start, position - this.start + length);
  }

  spend(bytes: number, at: number): void {
    this.spent += bytes;
    if (this.spent <= MAX_STRUCTURE_BYTES) return;
    throw notProtobuf(
      this.source.name,
      at,
      `the structure, weights not counted, is larger than ${MAX_STRUCTURE_BYTES}`,
    );
  }
}
