/**
 * @file Random access to the bytes of one file. Everything that Whittle reads goes through {@link ByteSource}, so that
 * no weight file is ever read whole into one ArrayBuffer (invariant 6).
 */

import { WhittleError } from '../errors/errors.ts';
import { countTraffic } from '../pulse/traffic.ts';
import { waitingFor } from '../pulse/waits.ts';

export interface ByteSource {
  /** File name without folders, as the person knows it. */
  readonly name: string;
  readonly size: number;
  /**
   * Reads `length` bytes at `offset`; they may be a part of a larger buffer. Throws `truncated_file` or `file_changed`, never
   * returns fewer bytes.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Fills an array with the bytes from `offset` on, where that saves a copy. Throws as `read`. */
  fill?(target: Uint8Array, offset: number): void;
  /** Of a JSON file that is made here: bytes are written when somebody asks for them, which most never do of a tokenizer. */
  readonly made?: MadeJson;
}

export interface MadeJson {
  /** What the bytes say, as plain data, so that they need not be parsed; undefined once they were written. */
  readonly plain: unknown;
  bytes(): Uint8Array;
}

/** What lies between two reads that are made as one, and how much is read at once. */
const MAX_GAP_BYTES = 64 * 1024;
const MAX_READ_BYTES = 32 * 2 ** 20;

/**
 * A Blob or File as a source. Size is pinned here: a file that changes afterwards is refused, not misread. Reads that are
 * asked for together and lie side by side, as the weights of a layer do, are made as one: to a browser each is a call to
 * another process.
 */
export function blobSource(name: string, blob: Blob): ByteSource {
  const size = blob.size;
  let waiting: Read[] = [];
  const readAll = () => {
    const reads = waiting.sort((a, b) => a.offset - b.offset);
    waiting = [];
    for (const group of neighbours(reads)) void readGroup(name, blob, group);
  };
  return {
    name,
    size,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > size) throw outsideFile(name, size, offset, length);
      return new Promise((resolve, reject) => {
        if (waiting.push({ offset, length, resolve, reject }) === 1) queueMicrotask(readAll);
      });
    },
  };
}

/** A JSON file of plain data. */
export function jsonSource(name: string, value: object): ByteSource {
  let plain: object | undefined = value;
  let written: Uint8Array | undefined;
  const bytes = () => {
    written ??= new TextEncoder().encode(JSON.stringify(plain));
    plain = undefined;
    return written;
  };
  return {
    name,
    get size() {
      return bytes().byteLength;
    },
    read: async (offset, length) => bytes().subarray(offset, offset + length),
    made: {
      get plain() {
        return plain;
      },
      bytes,
    },
  };
}

interface Read {
  offset: number;
  length: number;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

/** Runs of reads, in order of their offsets, that are worth making as one. */
function neighbours(reads: readonly Read[]): Read[][] {
  const groups: Read[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const read of reads) {
    const group = groups.at(-1);
    const next = Math.max(end, read.offset + read.length);
    if (group && read.offset - end <= MAX_GAP_BYTES && next - group[0].offset <= MAX_READ_BYTES) group.push(read);
    else groups.push([read]);
    end = groups.at(-1) === group ? next : read.offset + read.length;
  }
  return groups;
}

async function readGroup(name: string, blob: Blob, group: readonly Read[]): Promise<void> {
  const start = group[0].offset;
  const end = Math.max(...group.map(({ offset, length }) => offset + length));
  try {
    const bytes = await bytesOf(name, blob, start, end);
    for (const { offset, length, resolve } of group) resolve(bytes.subarray(offset - start, offset - start + length));
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}

async function bytesOf(name: string, blob: Blob, start: number, end: number): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await waitingFor(`a part of ${name}`, blob.slice(start, end).arrayBuffer()));
  } catch (cause) {
    throw fileChanged(name, cause);
  }
  // A deleted or shortened file can resolve with fewer bytes and no error.
  if (bytes.byteLength !== end - start) throw fileChanged(name);
  countTraffic('files_read', bytes.byteLength);
  return bytes;
}

/** Of bytes that a file of this size does not have. */
export function outsideFile(name: string, size: number, offset: number, length: number): WhittleError {
  return new WhittleError({
    code: 'truncated_file',
    message: `Bytes ${offset} to ${offset + length} were asked for, but the file ends at ${size}.`,
    place: { file: name },
    allowed: `bytes 0 to ${size}`,
    action: 'The download may be incomplete: fetch the file again.',
  });
}

export function fileChanged(name: string, cause?: unknown): WhittleError {
  return new WhittleError(
    {
      code: 'file_changed',
      message: 'The file was changed, moved or deleted since it was opened.',
      place: { file: name },
      allowed: 'a file that stays as it is while the model is open',
      action: 'Open the model again.',
    },
    { cause },
  );
}
