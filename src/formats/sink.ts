/** @file Where written bytes go: a stream of chunks, so that no exported file is ever whole in memory. */

export interface ByteSink {
  /** Appends bytes. They are consumed when the promise resolves, so the caller may reuse the buffer. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface FileSink extends ByteSink {
  /** Makes the file durable and readable. Nothing may be written afterwards. */
  close(): Promise<void>;
  /** SHA-256 of all that was written, lower-case hexadecimal, once it is closed; absent where whoever writes has to hash. */
  sha256?(): string;
}

export interface WrittenFile {
  name: string;
  bytes: number;
  sha256: string;
}
