/** @file What the dense head reads of every calibration window: made once, kept in a scratch store, taken by whichever step needs it. */
import type { Backend, Tensor } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { teacherInputs } from '../../runtime/backward/teacher.ts';
import { batchesOf, rowsPerBatch, type TokenWindows, type WindowBatch } from '../../runtime/windows.ts';
import { KeptStates, type StateValues, windowsOf } from './kept_states.ts';

/** Batches that go through the dense model together: each pass reads its weights once. */
const TOGETHER = 4;

export class TeacherStates {
  private constructor(private readonly states: KeptStates) {}

  /** @throws `cancelled`, `storage_full`, and what the backend throws; the store is then empty. */
  static async of(
    backend: Backend,
    dense: DecoderModel,
    windows: TokenWindows,
    scratch: ScratchStore,
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<TeacherStates> {
    const states = new KeptStates(windows.seqlen, scratch);
    try {
      const batches = batchesOf(windows, 0, windows.count, rowsPerBatch(backend.info));
      for (let first = 0; first < batches.length; first += TOGETHER) {
        const some = batches.slice(first, first + TOGETHER);
        await withArena(backend, async (arena) => {
          const inputs = await teacherInputs(arena, dense, windows, some, signal);
          for (const [i, { count }] of some.entries()) await states.add(arena, inputs[i], count);
        });
        onProgress(Math.min(1, (first + TOGETHER) / batches.length));
      }
      return new TeacherStates(states);
    } catch (error) {
      await scratch.clear();
      throw error;
    }
  }

  /** Rows that someone else found: of every window, in order, (seqlen, D). @throws As {@link of}. */
  static async filled(
    windows: TokenWindows,
    scratch: ScratchStore,
    fill: (put: (rows: StateValues) => Promise<void>) => Promise<void>,
  ): Promise<TeacherStates> {
    const states = new KeptStates(windows.seqlen, scratch);
    try {
      await fill((rows) => states.put(rows));
      return new TeacherStates(states);
    } catch (error) {
      await scratch.clear();
      throw error;
    }
  }

  /** Of each batch of a step, (rows, D). @param chosen The windows that the batches count through. */
  async inputs(arena: Arena, chosen: readonly number[], batches: readonly WindowBatch[]): Promise<Tensor[]> {
    const tensors: Tensor[] = [];
    for (const batch of batches) {
      const windows = windowsOf(batch).map((i) => chosen[i]);
      tensors.push(await this.states.tensor(arena, windows, 'teacher_input'));
    }
    return tensors;
  }

  clear(): Promise<void> {
    return this.states.clear();
  }
}
