/** @file The Worker that writes files, on the thread of a test: with its own code, and messages that are copied and moved as between threads. */
import { vi } from 'vitest';
import type { FromWriter, ToWriter } from '../../src/platform/file_writer/messages.ts';
import type { WriterWorker } from '../../src/platform/file_writer/worker_sink.ts';
import { WrittenFiles } from '../../src/platform/file_writer/written_files.ts';

class WriterHere implements WriterWorker {
  onmessage: WriterWorker['onmessage'] = null;
  onerror: WriterWorker['onerror'] = null;

  private readonly files = new WrittenFiles((message, transfer = []) => {
    const data = structuredClone(message, { transfer });
    setTimeout(() => this.onmessage?.({ data } as MessageEvent<FromWriter>));
  });

  constructor(url: URL) {
    if (!url.pathname.endsWith('/write_worker.ts'))
      throw new Error(`Not the Worker that writes files: ${url.pathname}`);
  }

  postMessage(message: ToWriter, transfer: Transferable[]): void {
    const data = structuredClone(message, { transfer });
    setTimeout(() => this.files.take(data));
  }

  terminate(): void {
    this.onmessage = null;
  }
}

/** Until `vi.unstubAllGlobals()`. */
export function installWriterHere(): void {
  vi.stubGlobal('Worker', WriterHere);
}
