/** @file Where written bytes go: a stream of chunks, so that no exported file is ever whole in memory. */

export interface ByteSink {
  /** Appends bytes. They are consumed when the promise resolves, so the caller may reuse the buffer. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface FileSink extends ByteSink {
  /** Makes the file durable and readable. Nothing may be written afterwards. */
  close(): Promise<void>;
}

export interface WrittenFile {
  name: string;
  bytes: number;
  sha256: string;
}
