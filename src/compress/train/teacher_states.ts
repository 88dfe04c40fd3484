/** @file What the dense head reads of every calibration window: made once, kept in a scratch store, taken by whichever step needs it. */
import type { Backend, Tensor } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { teacherInputs } from '../../runtime/backward/teacher.ts';
import { batchesOf, rowsPerBatch, type TokenWindows, type WindowBatch } from '../../runtime/windows.ts';

/** As the backend reads them. */
export type Rows = Float32Array | Float64Array;

/** Batches that go through the dense model together: each pass reads its weights once. */
const TOGETHER = 4;

export class TeacherStates {
  private readonly slots: ScratchSlot[] = [];
  private width = 0;
  private isDouble = false;

  private constructor(
    private readonly windows: TokenWindows,
    private readonly scratch: ScratchStore,
  ) {}

  /** @throws `cancelled`, `storage_full`, and what the backend throws; the store is then empty. */
  static async of(
    backend: Backend,
    dense: DecoderModel,
    windows: TokenWindows,
    scratch: ScratchStore,
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<TeacherStates> {
    const made = new TeacherStates(windows, scratch);
    try {
      const batches = batchesOf(windows, 0, windows.count, rowsPerBatch(backend.info));
      for (let first = 0; first < batches.length; first += TOGETHER) {
        await withArena(backend, (arena) => made.add(arena, dense, batches.slice(first, first + TOGETHER), signal));
        onProgress(Math.min(1, (first + TOGETHER) / batches.length));
      }
      return made;
    } catch (error) {
      await scratch.clear();
      throw error;
    }
  }

  /** Rows that someone else found: of every window, in order, (seqlen, D). @throws As {@link of}. */
  static async filled(
    windows: TokenWindows,
    scratch: ScratchStore,
    fill: (put: (rows: Rows) => Promise<void>) => Promise<void>,
  ): Promise<TeacherStates> {
    const made = new TeacherStates(windows, scratch);
    try {
      await fill((rows) => made.put(rows));
      return made;
    } catch (error) {
      await scratch.clear();
      throw error;
    }
  }

  /** Of each batch of a step, (rows, D). @param chosen The windows that the batches count through. */
  async inputs(arena: Arena, chosen: readonly number[], batches: readonly WindowBatch[]): Promise<Tensor[]> {
    const { seqlen } = this.windows;
    const tensors: Tensor[] = [];
    for (const { first, count } of batches) {
      const size = seqlen * this.width;
      const values = this.isDouble ? new Float64Array(count * size) : new Float32Array(count * size);
      for (let i = 0; i < count; i++) {
        const slot = this.slots[chosen[first + i]];
        // A copy where the store gave a view that does not begin on a whole number.
        let bytes = await slot.read(0, slot.bytes);
        if (bytes.byteOffset % 8 !== 0) bytes = bytes.slice();
        const part = this.isDouble
          ? new Float64Array(bytes.buffer, bytes.byteOffset, size)
          : new Float32Array(bytes.buffer, bytes.byteOffset, size);
        values.set(part, i * size);
      }
      const shape = [count * seqlen, this.width];
      tensors.push(arena.own(arena.backend.fromArray(values, shape, 'teacher_input')));
    }
    return tensors;
  }

  clear(): Promise<void> {
    return this.scratch.clear();
  }

  private async add(
    arena: Arena,
    dense: DecoderModel,
    batches: readonly WindowBatch[],
    signal: AbortSignal,
  ): Promise<void> {
    const inputs = await teacherInputs(arena, dense, this.windows, batches, signal);
    for (const [i, { count }] of batches.entries()) {
      const values = await arena.backend.read(inputs[i]);
      const each = values.length / count;
      for (let w = 0; w < count; w++) await this.put(values.subarray(w * each, (w + 1) * each) as Rows);
    }
  }

  private async put(rows: Rows): Promise<void> {
    this.width = rows.length / this.windows.seqlen;
    this.isDouble = rows instanceof Float64Array;
    this.slots.push(await this.scratch.append(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)));
  }
}
