/**
 * @file Brings one file of a commit into OPFS: in ranges, each written as it arrives, so that a stop at any moment loses
 * nothing. The file on disk is its own record of how far it got. Only bytes with the listed size and hash count as the file.
 */
import { cancelled, WhittleError } from '../../errors/errors.ts';
import { flushFully, writeFully } from '../opfs.ts';
import { type Asked, HubFault } from './faults.ts';
import { gitBlobSha1 } from './git_hash.ts';
import type { HubNetwork } from './lookup.ts';
import { delayFor, Patience } from './patience.ts';
import { chunksOf, request } from './request.ts';
import type { HubFile } from './types.ts';

/** Large enough that requests are few, small enough that a file host's address does not expire in the middle. */
const RANGE_BYTES = 16 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const ATTEMPTS = 6;
const LONGEST_WAIT_MS = 120_000;

/** Incremental SHA-256; the shape of `Sha256` in formats, which platform does not import. */
export interface StreamHash {
  update(bytes: Uint8Array): unknown;
  /** Hexadecimal; ends the hash. */
  digest(): string;
}

export interface TransferOptions extends HubNetwork {
  createSha256(): StreamHash;
  signal: AbortSignal;
  range_bytes?: number;
  /** Bytes of this file on disk, and where the last of them were read from. */
  onHeld?(bytes: number, from: 'disk' | 'network'): void;
  onWait?(seconds: number, reason: string): void;
}

/** What the server said the file was when its first bytes came; kept between visits. */
export interface ETagMemory {
  read(): string | undefined;
  write(etag: string | undefined): Promise<void>;
}

/**
 * Completes `handle`, the file on disk, from `url`. Throws `file_changed` and `wrong_hash` after emptying it; with any other
 * error, a cancel included, it keeps what it has.
 */
export async function transferFile(
  url: string,
  file: HubFile,
  handle: FileSystemSyncAccessHandle,
  etags: ETagMemory,
  asked: Asked,
  options: TransferOptions,
): Promise<void> {
  const transfer = new Transfer(url, file, handle, etags, asked, options);
  await transfer.recount();
  await transfer.fill();
  await transfer.check();
}

class Transfer {
  private held = 0;
  private hash: StreamHash | null;

  constructor(
    private readonly url: string,
    private readonly file: HubFile,
    private readonly handle: FileSystemSyncAccessHandle,
    private readonly etags: ETagMemory,
    private readonly asked: Asked,
    private readonly options: TransferOptions,
  ) {
    this.hash = this.newHash();
  }

  /** Hashes what an earlier visit left; what is written from now on is hashed on its way. */
  async recount(): Promise<void> {
    const size = this.handle.getSize();
    if (size > this.file.bytes) this.handle.truncate(0);
    const end = Math.min(size, size > this.file.bytes ? 0 : size);
    const buffer = new Uint8Array(Math.min(READ_BYTES, end));
    for (let pieces = 0; this.held < end; pieces++) {
      const count = this.handle.read(buffer, { at: this.held });
      if (count === 0) break;
      this.hash?.update(buffer.subarray(0, count));
      this.held += count;
      // A cancel arrives as a message, for which this thread has to pause.
      if (pieces % 16 === 15) await this.pause();
    }
    this.options.onHeld?.(this.held, 'disk');
  }

  async fill(): Promise<void> {
    const { signal, delay = delayFor, onWait, range_bytes = RANGE_BYTES } = this.options;
    const patience = new Patience({ attempts: ATTEMPTS, longest_wait_ms: LONGEST_WAIT_MS, delay, signal, onWait });
    // Only bytes beyond all earlier ones are progress: a server that always starts anew must not keep us for ever.
    let furthest = this.held;
    while (this.held < this.file.bytes) {
      const range = { start: this.held, end: Math.min(this.file.bytes, this.held + range_bytes) };
      try {
        await request(this.url, range, { ...this.options, asked: this.asked }, (response, alive) =>
          this.take(response, alive, range),
        );
      } catch (thrown) {
        if (this.held > furthest) patience.progress();
        furthest = Math.max(furthest, this.held);
        if (thrown instanceof HubFault && thrown.status === RANGE_NOT_SATISFIABLE)
          throw await this.changed('the file there is shorter');
        await patience.afterFault(thrown);
      }
    }
  }

  /** Writes one answer: the range, or the whole file from a server that knows no ranges. */
  private async take(response: Response, alive: () => void, range: { start: number; end: number }): Promise<void> {
    await this.compareETag(response);
    let end = range.end;
    if (response.status === 206) {
      const given = contentRange(response.headers.get('content-range'));
      if (given?.total !== undefined && given.total !== this.file.bytes) {
        throw await this.changed(`the file there has ${given.total} bytes`);
      }
      if (given && given.start !== this.held) throw new HubFault(this.otherRange(given.start), true);
    } else {
      if (this.held > 0) this.empty();
      end = this.file.bytes;
    }
    for await (const chunk of chunksOf(response)) {
      alive();
      if (this.options.signal.aborted) throw cancelled();
      if (this.held + chunk.byteLength > end && end === this.file.bytes) {
        throw await this.changed(`more than the listed ${this.file.bytes} bytes came`);
      }
      const wanted = chunk.subarray(0, end - this.held);
      writeFully(this.handle, wanted, this.held, this.file.path);
      this.hash?.update(wanted);
      this.held += wanted.byteLength;
      this.options.onHeld?.(this.held, 'network');
      if (wanted.byteLength < chunk.byteLength) return;
    }
    if (this.held < end) throw new HubFault(this.shortAnswer(), true);
  }

  /** A new ETag means another content: what is held is of no use. Whether the new one is right, the hash will tell. */
  private async compareETag(response: Response): Promise<void> {
    const etag = response.headers.get('etag')?.replace(/^W\//, '');
    if (!etag) return;
    const known = this.etags.read();
    if (known === etag) return;
    await this.etags.write(etag);
    if (known === undefined || this.held === 0) return;
    this.empty();
    this.options.onWait?.(0, 'The file changed on the server: it starts again.');
    // This answer goes on from where the other content ended. The held bytes are gone: ask again, at once.
    if (response.status === 206) throw new HubFault(this.unsteady(), true, 0);
  }

  async check(): Promise<void> {
    const { sha256, git_sha1 } = this.file;
    const found = this.hash ? this.hash.digest() : await gitBlobSha1(this.handle, this.file.bytes);
    const expected = sha256 ?? git_sha1;
    if (found === expected) {
      flushFully(this.handle, this.file.bytes, this.file.path);
      return;
    }
    this.empty();
    await this.etags.write(undefined);
    throw new WhittleError({
      code: 'wrong_hash',
      message: `The downloaded file is not the one listed: its ${sha256 ? 'SHA-256' : 'git hash'} is ${found}, not ${expected}.`,
      place: { file: this.file.path },
      action:
        'It was removed. Download it again; if it fails again, something between you and the server alters files.',
    });
  }

  private newHash(): StreamHash | null {
    return this.file.sha256 ? this.options.createSha256() : null;
  }

  private empty(): void {
    this.handle.truncate(0);
    this.held = 0;
    this.hash = this.newHash();
    this.options.onHeld?.(0, 'disk');
  }

  private async pause(): Promise<void> {
    this.options.onHeld?.(this.held, 'disk');
    await new Promise((resolve) => setTimeout(resolve));
    if (this.options.signal.aborted) throw cancelled();
  }

  private shortAnswer(): WhittleError {
    return new WhittleError({
      code: 'hub_unreachable',
      message: `The connection ended after ${this.held} of ${this.file.bytes} bytes.`,
      place: { file: this.file.path },
      action: 'Try again: what is downloaded stays.',
    });
  }

  private unsteady(): WhittleError {
    return new WhittleError({
      code: 'file_changed',
      message: 'The server says at every request that the file has changed (its ETag differs).',
      place: { file: this.file.path },
      action: 'Look the model up again, then download it.',
    });
  }

  private otherRange(start: number): WhittleError {
    return new WhittleError({
      code: 'hub_failed',
      message: `The server was asked for bytes from ${this.held} on and sent bytes from ${start} on.`,
      place: { file: this.file.path },
      action: 'Try again later; what is downloaded stays.',
    });
  }

  private async changed(what: string): Promise<WhittleError> {
    this.empty();
    await this.etags.write(undefined);
    return new WhittleError({
      code: 'file_changed',
      message: `The file is not the one that was listed with ${this.file.bytes} bytes: ${what}.`,
      place: { file: this.file.path },
      action: 'Look the model up again, then download it.',
    });
  }
}

const RANGE_NOT_SATISFIABLE = 416;

/** `bytes START-END/TOTAL` (RFC 9110 §14.4); a header that the server does not let pages read is absent. */
function contentRange(header: string | null): { start: number; total?: number } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  if (!match) return undefined;
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}
