/**
 * @file Writes and hashes files of OPFS, beside the engine, which reads and converts meanwhile. A hash in WebAssembly, because
 * `crypto.subtle` digests only a whole buffer, and an exported file never is one.
 */
import { createSHA256, type IHasher } from 'hash-wasm';
import { toErrorData } from '../../errors/errors.ts';
import { flushFully, openFolder, openForWriting, writeFully } from '../opfs.ts';
import type { FromWriter, ToWriter } from './messages.ts';

declare const self: DedicatedWorkerGlobalScope;

interface OpenFile {
  readonly name: string;
  readonly handle: FileSystemSyncAccessHandle;
  readonly hash: IHasher;
  end: number;
}

const files = new Map<number, OpenFile>();

/** Opening is asynchronous: what comes meanwhile waits for its turn. */
let turn = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWriter>) => {
  turn = turn.then(() => obey(data).catch((thrown) => fail(data.file, thrown)));
};

async function obey(message: ToWriter): Promise<void> {
  if (message.type === 'open') return open(message);
  const file = files.get(message.file);
  // It has failed, and the engine knows.
  if (!file) return;
  if (message.type === 'write') {
    const bytes = new Uint8Array(message.buffer, 0, message.bytes);
    writeFully(file.handle, bytes, file.end, file.name);
    file.hash.update(bytes);
    file.end += message.bytes;
    return post({ type: 'written', file: message.file, buffer: message.buffer }, [message.buffer]);
  }
  // Closing alone promises nothing about the disk.
  flushFully(file.handle, file.end, file.name);
  letGo(message.file);
  post({ type: 'closed', file: message.file, sha256: file.hash.digest() });
}

async function open({ file, folder, name }: ToWriter & { type: 'open' }): Promise<void> {
  const [hash, parent] = await Promise.all([createSHA256(), openFolder(folder, true)]);
  const handle = await openForWriting(parent, name);
  files.set(file, { name, handle, hash: hash.init(), end: 0 });
  handle.truncate(0);
  post({ type: 'opened', file });
}

function fail(file: number, thrown: unknown): void {
  letGo(file);
  post({ type: 'error', file, error: toErrorData(thrown) });
}

/** An open handle locks the file. */
function letGo(file: number): void {
  files.get(file)?.handle.close();
  files.delete(file);
}

function post(message: FromWriter, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}
