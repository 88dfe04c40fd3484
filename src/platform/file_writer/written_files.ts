/**
 * @file Writes and hashes files of OPFS. A hash in WebAssembly, because `crypto.subtle` digests only a whole buffer, and an
 * exported file never is one.
 */
import { createSHA256, type IHasher } from 'hash-wasm';
import { toErrorData } from '../../errors/errors.ts';
import { flushFully, openFolder, openForWriting, writeFully } from '../opfs.ts';
import type { FromWriter, ToWriter } from './messages.ts';

interface OpenFile {
  readonly name: string;
  readonly handle: FileSystemSyncAccessHandle;
  readonly hash: IHasher;
  end: number;
}

export class WrittenFiles {
  private readonly files = new Map<number, OpenFile>();
  /** Opening is asynchronous: what comes meanwhile waits for its turn. */
  private turn = Promise.resolve();

  /** @param post To who asked. */
  constructor(private readonly post: (message: FromWriter, transfer?: Transferable[]) => void) {}

  /** Obeys messages in their order; what fails is posted. */
  take(message: ToWriter): void {
    this.turn = this.turn.then(() => this.obey(message).catch((thrown) => this.fail(message.file, thrown)));
  }

  private async obey(message: ToWriter): Promise<void> {
    if (message.type === 'open') return this.open(message);
    const file = this.files.get(message.file);
    // It has failed, and the engine knows.
    if (!file) return;
    if (message.type === 'write') {
      const bytes = new Uint8Array(message.buffer, 0, message.bytes);
      writeFully(file.handle, bytes, file.end, file.name);
      file.hash.update(bytes);
      file.end += message.bytes;
      return this.post({ type: 'written', file: message.file, buffer: message.buffer }, [message.buffer]);
    }
    // Closing alone promises nothing about the disk.
    flushFully(file.handle, file.end, file.name);
    this.letGo(message.file);
    this.post({ type: 'closed', file: message.file, sha256: file.hash.digest() });
  }

  private async open({ file, folder, name }: ToWriter & { type: 'open' }): Promise<void> {
    const [hash, parent] = await Promise.all([createSHA256(), openFolder(folder, true)]);
    const handle = await openForWriting(parent, name);
    this.files.set(file, { name, handle, hash: hash.init(), end: 0 });
    handle.truncate(0);
    this.post({ type: 'opened', file });
  }

  private fail(file: number, thrown: unknown): void {
    this.letGo(file);
    this.post({ type: 'error', file, error: toErrorData(thrown) });
  }

  /** An open handle locks the file. */
  private letGo(file: number): void {
    this.files.get(file)?.handle.close();
    this.files.delete(file);
  }
}
