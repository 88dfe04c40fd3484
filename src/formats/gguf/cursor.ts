/** @file Reads the header of a GGUF file from front to back in growing pieces, never past what was asked for by much. */
import { WhittleError } from '../../errors/errors.ts';
import type { ByteSource } from '../source.ts';
import { badGguf } from './errors.ts';

/** The largest real headers (262,144 tokens with merges) have about 15 MB. */
export const MAX_HEADER_BYTES = 256 * 2 ** 20;
const FIRST_PIECE = 64 * 1024;
/** A read is a call to another process: a header of two megabytes takes four. */
const GROWTH = 4;

/** The key in a description such as `The value of "a.b"`. */
export function fieldIn(what: string): string | undefined {
  const quoted = /"(?:[^"\\]|\\.)*"/.exec(what)?.[0];
  return quoted === undefined ? undefined : JSON.parse(quoted);
}

export class HeaderCursor {
  readonly source: ByteSource;
  position = 0;
  private bytes = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  private loaded = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Bytes of the file after the cursor. */
  get remaining(): number {
    return this.source.size - this.position;
  }

  /** True when `length` bytes can be taken without reading the file: keeps loops over many small values synchronous. */
  has(length: number): boolean {
    return this.position + length <= this.loaded;
  }

  /** Makes the next `length` bytes available. Throws `truncated_file` past the end, `bad_gguf` past the limit. */
  async need(length: number, what: string): Promise<void> {
    if (this.has(length)) return;
    if (length > this.remaining) throw this.truncated(what, length);
    const end = this.position + length;
    if (end > MAX_HEADER_BYTES) {
      throw badGguf(this.source.name, `The header goes on past byte ${MAX_HEADER_BYTES} (in ${what}).`, {
        allowed: `at most ${MAX_HEADER_BYTES} bytes of metadata`,
      });
    }
    // The whole header is copied about once more, and what is read beyond it is a few times its size at most.
    const goal = Math.min(this.source.size, MAX_HEADER_BYTES, Math.max(end, this.loaded * GROWTH, FIRST_PIECE));
    const grown = new Uint8Array(goal);
    grown.set(this.bytes.subarray(0, this.loaded));
    grown.set(await this.source.read(this.loaded, goal - this.loaded), this.loaded);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
    this.loaded = goal;
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.advance(8), true);
  }

  /** A 64-bit length as a number: rounded beyond 2^53, where it is longer than any file anyway. */
  length(): number {
    const at = this.advance(8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** The next bytes as a view; they stay valid when more is read. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A view of bytes that were passed. */
  slice(start: number, end: number): Uint8Array {
    return this.bytes.subarray(start, end);
  }

  truncated(what: string, length: number | bigint): WhittleError {
    return new WhittleError({
      code: 'truncated_file',
      message: `${what} needs ${length} bytes at byte ${this.position}, but the file ends at ${this.source.size}.`,
      place: { file: this.source.name, field: fieldIn(what) },
      allowed: `at most ${this.remaining} bytes, or a longer file`,
      action: 'The download may be incomplete: fetch the file again.',
    });
  }

  private advance(length: number): number {
    const start = this.position;
    this.position += length;
    return start;
  }
}
