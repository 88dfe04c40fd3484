/**
 * @file Files of OPFS that a Worker writes and hashes while the engine goes on: bytes are copied into a few buffers that go
 * there and come back, so what is ahead of the disk is bounded. Errors are met by the next call on the file.
 */
import { WhittleError } from '../../errors/errors.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import { waitingFor } from '../../pulse/waits.ts';
import type { FromWriter, ToWriter } from './messages.ts';

/** Small writes are gathered: each is a call to another process. */
const BUFFER_BYTES = 4 * 2 ** 20;

/** One is filled, one written, and one lies between. */
const BUFFERS = 3;

/** The shape of `FileSink` in formats, which platform does not import. */
export interface HashedSink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  sha256(): string;
}

/** The part of `Worker` that is used. */
export interface WriterWorker {
  postMessage(message: ToWriter, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<FromWriter>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

function createWorker(): WriterWorker {
  return new Worker(new URL('./write_worker.ts', import.meta.url), { type: 'module', name: 'whittle-write' });
}

/** Starts its Worker with the first file, and a new one where that stopped. */
export class FileWriter {
  private worker: WriterWorker | undefined;
  private readonly open = new Map<number, WorkerSink>();
  private serial = 0;

  constructor(private readonly create: () => WriterWorker = createWorker) {}

  /** A new, empty file. Throws what {@link openFolder} and {@link openForWriting} throw, as data. */
  async file(folder: string, name: string): Promise<HashedSink> {
    this.worker ??= this.start();
    const worker = this.worker;
    const file = this.serial++;
    const post = (message: ToWriter, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
    const sink = new WorkerSink(file, name, post);
    this.open.set(file, sink);
    post({ type: 'open', file, folder, name });
    await waitingFor(`the browser's storage to open ${name}`, sink.opened);
    return sink;
  }

  private start(): WriterWorker {
    const worker = this.create();
    worker.onmessage = ({ data }) => {
      this.open.get(data.file)?.take(data);
      if (data.type === 'closed' || data.type === 'error') this.open.delete(data.file);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      this.worker = undefined;
      const sinks = [...this.open.values()];
      this.open.clear();
      for (const sink of sinks) sink.fail(stopped(sink.name, event.message));
    };
    return worker;
  }
}

class WorkerSink implements HashedSink {
  readonly opened: Promise<void>;
  private readonly closed: Promise<string>;
  private resolveOpened: () => void = () => {};
  private resolveClosed: (sha256: string) => void = () => {};
  private reject: (error: WhittleError) => void = () => {};
  private failure: WhittleError | undefined;
  private onSpare: () => void = () => {};
  private readonly spare: ArrayBuffer[] = [];
  private made = 0;
  private buffer: Uint8Array<ArrayBuffer> | undefined;
  private filled = 0;
  private digest = '';

  constructor(
    private readonly file: number,
    readonly name: string,
    private readonly post: (message: ToWriter, transfer?: Transferable[]) => void,
  ) {
    const failed = new Promise<never>((_, reject) => {
      this.reject = reject;
    });
    const settled = <T>(start: (resolve: (value: T) => void) => void) => {
      const promise = Promise.race([failed, new Promise<T>(start)]);
      // It may fail before anybody waits for it.
      promise.catch(() => undefined);
      return promise;
    };
    this.opened = settled<void>((resolve) => {
      this.resolveOpened = resolve;
    });
    this.closed = settled<string>((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      this.buffer ??= new Uint8Array(await this.empty());
      const part = bytes.subarray(done, done + BUFFER_BYTES - this.filled);
      this.buffer.set(part, this.filled);
      this.filled += part.byteLength;
      done += part.byteLength;
      if (this.filled === BUFFER_BYTES) this.send();
    }
    if (this.failure) throw this.failure;
    countTraffic('exports_written', bytes.byteLength);
  }

  async close(): Promise<void> {
    if (!this.failure) {
      this.send();
      this.post({ type: 'close', file: this.file });
    }
    this.digest = await waitingFor(`the browser's storage to keep ${this.name}`, this.closed);
  }

  sha256(): string {
    return this.digest;
  }

  take(message: FromWriter): void {
    if (message.type === 'opened') this.resolveOpened();
    else if (message.type === 'closed') this.resolveClosed(message.sha256);
    else if (message.type === 'error') this.fail(WhittleError.fromData(message.error));
    else {
      this.spare.push(message.buffer);
      this.onSpare();
    }
  }

  fail(error: WhittleError): void {
    this.failure = error;
    this.reject(error);
    this.onSpare();
  }

  /** Throws what stopped the file. */
  private async empty(): Promise<ArrayBuffer> {
    if (this.spare.length === 0 && this.made < BUFFERS) {
      this.made++;
      return new ArrayBuffer(BUFFER_BYTES);
    }
    while (this.spare.length === 0 && !this.failure) {
      await new Promise<void>((resolve) => {
        this.onSpare = resolve;
      });
    }
    if (this.failure) throw this.failure;
    return this.spare.pop() as ArrayBuffer;
  }

  private send(): void {
    if (!this.buffer || this.filled === 0) return;
    const { buffer } = this.buffer;
    this.post({ type: 'write', file: this.file, buffer, bytes: this.filled }, [buffer]);
    this.buffer = undefined;
    this.filled = 0;
  }
}

function stopped(file: string, reason: string): WhittleError {
  return new WhittleError({
    code: 'export_failed',
    message: `The thread that writes files stopped: ${reason || 'its program could not be fetched'}.`,
    place: { file },
    action: 'Connect and export again. If that does not help, reload the page: what a session keeps stays.',
  });
}
