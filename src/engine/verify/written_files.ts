/** @file The written files as a verification reads them: by handles where the browser gives them, else as Blobs. */
import { baseName } from '../../export/file_names.ts';
import { type ByteSource, blobSource, fileChanged, outsideFile } from '../../formats/source.ts';
import { type FileReading, openForReading } from '../../platform/read_file.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import type { OnnxFile } from './session.ts';

export interface WrittenFiles {
  /** By name without folders. */
  readonly sources: ReadonlyMap<string, ByteSource>;
  close(): void;
}

/** @param open By default from OPFS; undefined: by its Blob. */
export async function openWritten(files: readonly OnnxFile[], open = openForReading): Promise<WrittenFiles> {
  const held: FileReading[] = [];
  const sources = new Map<string, ByteSource>();
  for (const { name, file, path } of files) {
    const reading = path === undefined ? undefined : await open(path);
    // Written over since: then the Blob tells.
    const isSame = reading?.size === file.size;
    if (reading) held.push(reading);
    sources.set(
      baseName(name),
      reading && isSame ? readingSource(baseName(name), reading) : blobSource(baseName(name), file),
    );
  }
  return {
    sources,
    close() {
      for (const reading of held) reading.close();
    },
  };
}

function readingSource(name: string, reading: FileReading): ByteSource {
  const { size } = reading;
  const fill = (target: Uint8Array, offset: number) => {
    if (offset < 0 || offset + target.length > size) throw outsideFile(name, size, offset, target.length);
    let count: number;
    try {
      count = reading.read(target, offset);
    } catch (cause) {
      throw fileChanged(name, cause);
    }
    if (count !== target.length) throw fileChanged(name);
    countTraffic('files_read', target.length);
  };
  return {
    name,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, length));
      fill(bytes, offset);
      return bytes;
    },
    fill,
  };
}
