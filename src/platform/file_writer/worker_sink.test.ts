import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { storageFull, toErrorData } from '../../errors/errors.ts';
import type { FromWriter, ToWriter } from './messages.ts';
import { FileWriter, type WriterWorker } from './worker_sink.ts';

const MiB = 2 ** 20;

/** A Worker with files in memory, a message a task. @param room Bytes after which the disk is full. */
class MemoryWorker implements WriterWorker {
  onmessage: WriterWorker['onmessage'] = null;
  onerror: WriterWorker['onerror'] = null;
  readonly files = new Map<number, { path: string; chunks: Buffer[] }>();
  /** Buffers that have come and not gone back, at most. */
  most = 0;
  isEnded = false;
  private away = 0;

  constructor(private readonly room = Number.POSITIVE_INFINITY) {}

  postMessage(message: ToWriter, transfer: Transferable[]): void {
    const taken = structuredClone(message, { transfer });
    if (taken.type === 'write') this.most = Math.max(this.most, ++this.away);
    setTimeout(() => this.obey(taken));
  }

  terminate(): void {
    this.isEnded = true;
  }

  private obey(message: ToWriter): void {
    if (this.isEnded) return;
    if (message.type === 'open') {
      this.files.set(message.file, { path: `${message.folder}/${message.name}`, chunks: [] });
      this.answer({ type: 'opened', file: message.file });
      return;
    }
    const file = this.files.get(message.file);
    if (!file) return;
    if (message.type === 'close') {
      this.answer({ type: 'closed', file: message.file, sha256: hashOf(Buffer.concat(file.chunks)) });
      return;
    }
    file.chunks.push(Buffer.from(message.buffer.slice(0, message.bytes)));
    if (file.chunks.reduce((sum, { length }) => sum + length, 0) > this.room) {
      this.files.delete(message.file);
      const error = toErrorData(storageFull('The storage is full.', { file: file.path }));
      this.answer({ type: 'error', file: message.file, error });
      return;
    }
    this.away--;
    this.answer({ type: 'written', file: message.file, buffer: message.buffer });
  }

  private answer(data: FromWriter): void {
    this.onmessage?.({ data } as MessageEvent<FromWriter>);
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function pattern(bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed) & 255);
}

describe('a file that a Worker writes', () => {
  it('holds the bytes in order, however they are cut, though their arrays are used again', async () => {
    const worker = new MemoryWorker();
    const sink = await new FileWriter(() => worker).file('exports/a', 'model.onnx');
    const whole = pattern(17 * MiB + 5, 1);
    const reused = new Uint8Array(6 * MiB);
    for (let at = 0, size = 1; at < whole.length; at += size, size = Math.min(reused.length, 3 * size)) {
      const part = whole.subarray(at, at + size);
      reused.set(part);
      await sink.write(reused.subarray(0, part.length));
      reused.fill(0);
    }
    await sink.close();
    const [{ path, chunks }] = worker.files.values();
    expect(path).toBe('exports/a/model.onnx');
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    expect(sink.sha256()).toBe(hashOf(whole));
  });

  it('is never far ahead of the disk', async () => {
    const worker = new MemoryWorker();
    const sink = await new FileWriter(() => worker).file('exports', 'large');
    await sink.write(new Uint8Array(50 * MiB));
    await sink.close();
    expect(worker.most).toBeGreaterThan(1);
    expect(worker.most).toBeLessThanOrEqual(3);
  });

  it('may be empty', async () => {
    const sink = await new FileWriter(() => new MemoryWorker()).file('exports', 'empty');
    await sink.close();
    expect(sink.sha256()).toBe(hashOf(new Uint8Array(0)));
  });

  it('does not mix with another', async () => {
    const worker = new MemoryWorker();
    const writer = new FileWriter(() => worker);
    const contents = [pattern(5 * MiB, 2), pattern(9 * MiB, 3)];
    const sinks = await Promise.all(contents.map((_, i) => writer.file('exports', `${i}`)));
    await Promise.all(sinks.map((sink, i) => sink.write(contents[i]).then(() => sink.close())));
    expect(sinks.map((sink) => sink.sha256())).toEqual(contents.map(hashOf));
  });

  it('that the disk is too small for fails with the typed error, while it is written and when it is closed', async () => {
    const sink = await new FileWriter(() => new MemoryWorker(10 * MiB)).file('exports', 'large');
    const error = { code: 'storage_full', message: 'The storage is full.' };
    await expect(sink.write(new Uint8Array(100 * MiB))).rejects.toMatchObject(error);
    await expect(sink.write(new Uint8Array(1))).rejects.toMatchObject(error);
    await expect(sink.close()).rejects.toMatchObject(error);
  });

  it('that fails by its last bytes fails when it is closed', async () => {
    const sink = await new FileWriter(() => new MemoryWorker(100)).file('exports', 'small');
    await sink.write(new Uint8Array(101));
    await expect(sink.close()).rejects.toMatchObject({ code: 'storage_full' });
  });

  it('whose Worker stops fails, and the next one has a new Worker', async () => {
    const workers: MemoryWorker[] = [];
    const writer = new FileWriter(() => {
      workers.push(new MemoryWorker());
      return workers[workers.length - 1];
    });
    const sink = await writer.file('exports', 'model.onnx');
    workers[0].onerror?.({ message: 'out of memory', preventDefault() {} } as ErrorEvent);
    await expect(sink.write(new Uint8Array(20 * MiB))).rejects.toMatchObject({ code: 'export_failed' });
    await expect(sink.close()).rejects.toThrow('The thread that writes files stopped: out of memory.');
    const next = await writer.file('exports', 'model.onnx');
    await next.write(new Uint8Array(1));
    await next.close();
    expect(workers.map(({ isEnded }) => isEnded)).toEqual([true, false]);
  });
});
