/** @file Hidden states of every window, kept in a scratch store as the backend holds them, taken by whichever step needs some of them. */
import type { Tensor } from '../../backend/backend.ts';
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { WindowBatch } from '../../runtime/windows.ts';

export type StateValues = Float32Array | Float64Array;

export class KeptStates {
  private readonly slots: ScratchSlot[] = [];
  private columns = 0;
  private isDouble = false;

  constructor(
    private readonly seqlen: number,
    private readonly scratch: ScratchStore,
  ) {}

  /** Of each row. */
  get width(): number {
    return this.columns;
  }

  /** Behind those that are kept: (count·seqlen, d) of the next `count` windows. @throws `storage_full` */
  async add(arena: Arena, states: Tensor, count: number): Promise<void> {
    const values = await this.read(arena, states);
    const each = values.byteLength / count;
    for (let i = 0; i < count; i++)
      this.slots.push(await this.scratch.append(values.subarray(i * each, (i + 1) * each)));
  }

  /** The rows of the next window, (seqlen, d). @throws `storage_full` */
  async put(rows: StateValues): Promise<void> {
    this.columns = rows.length / this.seqlen;
    this.isDouble = rows instanceof Float64Array;
    this.slots.push(await this.scratch.append(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)));
  }

  /** In place of what was kept of windows `first` …: as wide as they were. */
  async replace(arena: Arena, states: Tensor, { first, count }: WindowBatch): Promise<void> {
    const values = await this.read(arena, states);
    const each = values.byteLength / count;
    for (let i = 0; i < count; i++) await this.slots[first + i].write(values.subarray(i * each, (i + 1) * each));
  }

  /** Of some windows beside each other, on the host. */
  async values(chosen: readonly number[]): Promise<StateValues> {
    const size = this.seqlen * this.columns;
    const values = this.isDouble ? new Float64Array(chosen.length * size) : new Float32Array(chosen.length * size);
    for (const [i, window] of chosen.entries()) {
      const slot = this.slots[window];
      // A copy where the store gave a view that does not begin on a whole number.
      let bytes = await slot.read(0, slot.bytes);
      if (bytes.byteOffset % 8 !== 0) bytes = bytes.slice();
      const { buffer, byteOffset } = bytes;
      values.set(
        this.isDouble ? new Float64Array(buffer, byteOffset, size) : new Float32Array(buffer, byteOffset, size),
        i * size,
      );
    }
    return values;
  }

  /** Likewise on the device, (windows·seqlen, d), owned by the arena. */
  async tensor(arena: Arena, chosen: readonly number[], label: string): Promise<Tensor> {
    const shape = [chosen.length * this.seqlen, this.columns];
    return arena.own(arena.backend.fromArray(await this.values(chosen), shape, label));
  }

  clear(): Promise<void> {
    return this.scratch.clear();
  }

  private async read(arena: Arena, states: Tensor): Promise<Uint8Array> {
    const values = await arena.backend.read(states);
    this.columns = states.shape[1];
    this.isDouble = values instanceof Float64Array;
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
}

/** Windows `first` … of a batch. */
export function windowsOf({ first, count }: WindowBatch): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
