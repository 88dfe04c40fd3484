/** @file One file of an export, from the bytes that make it, with its size and hash. */
import { cancelled } from '../errors/errors.ts';
import { Sha256 } from '../formats/sha256.ts';
import type { ByteSink, FileSink, WrittenFile } from '../formats/sink.ts';

export type FileContent = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ((sink: ByteSink) => Promise<void>);

export interface WriteFileOptions {
  /** Told of each chunk that was taken. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens a sink and closes it, also after a failure; removing a half-written file is the caller's. Throws `cancelled`, and what
 * the content and the sink throw.
 */
export async function writeFile(
  openFile: (name: string) => Promise<FileSink>,
  name: string,
  content: FileContent,
  { onBytes, signal }: WriteFileOptions = {},
): Promise<WrittenFile> {
  const sink = await openFile(name);
  const hash = sink.sha256 ? undefined : new Sha256();
  let bytes = 0;
  const write = async (chunk: Uint8Array) => {
    if (signal?.aborted) throw cancelled();
    hash?.update(chunk);
    await sink.write(chunk);
    bytes += chunk.byteLength;
    onBytes?.(chunk.byteLength);
  };
  try {
    if (typeof content === 'function') await content({ write });
    else for await (const chunk of content) await write(chunk);
  } finally {
    await sink.close();
  }
  return { name, bytes, sha256: hash ? hash.digest() : (sink.sha256?.() as string) };
}
