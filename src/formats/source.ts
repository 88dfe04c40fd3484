/**
 * @file Random access to the bytes of one file. Everything that Whittle reads goes through {@link ByteSource}, so that
 * no weight file is ever read whole into one ArrayBuffer (invariant 6).
 */
import { WhittleError } from '../errors/errors.ts';

export interface ByteSource {
  /** File name without folders, as the person knows it. */
  readonly name: string;
  readonly size: number;
  /** Reads `length` bytes at `offset`. Throws `truncated_file` or `file_changed`, never returns fewer bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A Blob or File as a source. Size is pinned here: a file that changes afterwards is refused, not misread. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const size = blob.size;
  return {
    name,
    size,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > size) {
        throw new WhittleError({
          code: 'truncated_file',
          message: `Bytes ${offset} to ${offset + length} were asked for, but the file ends at ${size}.`,
          place: { file: name },
          action: 'The download may be incomplete: fetch the file again.',
        });
      }
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw fileChanged(name, cause);
      }
      // A deleted or shortened file can resolve with fewer bytes and no error.
      if (bytes.byteLength !== length) throw fileChanged(name);
      return bytes;
    },
  };
}

function fileChanged(name: string, cause?: unknown): WhittleError {
  return new WhittleError(
    {
      code: 'file_changed',
      message: 'The file was changed, moved or deleted since it was opened.',
      place: { file: name },
      action: 'Open the model again.',
    },
    { cause },
  );
}
