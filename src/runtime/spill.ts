/**
 * @file Hidden states of many batches between two passes. Up to a budget they stay on the device; the others wait in a
 * scratch store, exactly as they were, so that results do not depend on where they waited. Peak device memory is then a
 * layer, one batch, the budget and the matrices of the method (invariant 6).
 */
import type { Tensor } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import type { StoredPlace } from '../models/record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';
import type { Shape } from '../tensor/shape.ts';
import { elementCount } from '../tensor/shape.ts';
import type { Arena } from './arena.ts';
import { loadTensor, type SavedTensor, saveTensor } from './saved_tensor.ts';

export interface SpillOptions {
  /** Bytes of states that stay on the device. */
  readonly budgetBytes: number;
  /** A store that nobody else uses; called when the first batch is spilled. */
  createScratch(): Promise<ScratchStore>;
}

/** How states wait in the store: as the backend holds them, so that nothing is rounded. */
interface Spilled {
  slot: ScratchSlot;
  bytes: number;
  shape: Shape;
  label: string;
  isDouble: boolean;
}

/** Owns one tensor a batch. A pass takes batch i and puts its successor in the same place. */
export class BatchStates {
  private readonly resident = new Map<number, Tensor>();
  private readonly spilled = new Map<number, Spilled>();
  /** Slots outlive what they hold: the next pass overwrites them. */
  private readonly slots = new Map<number, ScratchSlot>();
  private scratch?: ScratchStore;
  private residentBytes = 0;

  constructor(
    private readonly arena: Arena,
    private readonly spill?: SpillOptions,
  ) {}

  /** Batches that are held. */
  get count(): number {
    return this.resident.size + this.spilled.size;
  }

  /** Bytes in the scratch store now. */
  get spilledBytes(): number {
    let sum = 0;
    for (const { bytes } of this.spilled.values()) sum += bytes;
    return sum;
  }

  /** Keeps the states of batch `index`, which belong to the arena; above the budget they leave the device here. */
  async put(index: number, states: Tensor): Promise<void> {
    if (this.resident.has(index) || this.spilled.has(index)) throw misuse(`batch ${index} was put twice`);
    const bytes = bytesOf(states);
    if (!this.spill || this.residentBytes + bytes <= this.spill.budgetBytes) {
      this.residentBytes += bytes;
      this.resident.set(index, states);
      return;
    }
    const values = await this.arena.backend.read(states);
    const slot = await this.write(index, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const { shape, label } = states;
    this.spilled.set(index, {
      slot,
      bytes: values.byteLength,
      shape,
      label,
      isDouble: values instanceof Float64Array,
    });
    this.arena.free(states);
  }

  /** Gives the states of a batch back, on the device; the caller frees them. */
  async take(index: number): Promise<Tensor> {
    const states = this.resident.get(index);
    if (states) {
      this.resident.delete(index);
      this.residentBytes -= bytesOf(states);
      return states;
    }
    const spilled = this.spilled.get(index);
    if (!spilled) throw misuse(`batch ${index} is not there`);
    this.spilled.delete(index);
    const { slot, bytes, shape, label, isDouble } = spilled;
    // A copy where the store gave a view that does not begin on a whole number.
    let stored = await slot.read(0, bytes);
    if (stored.byteOffset % 8 !== 0) stored = stored.slice();
    const values = isDouble
      ? new Float64Array(stored.buffer, stored.byteOffset, bytes / 8)
      : new Float32Array(stored.buffer, stored.byteOffset, bytes / 4);
    return this.arena.own(this.arena.backend.fromArray(values, shape, label));
  }

  /** Bytes of all states. */
  get bytes(): number {
    return [...this.resident.values()].reduce((sum, states) => sum + bytesOf(states), this.spilledBytes);
  }

  /** Copies of all states in another store, in the order of batches. @returns Undefined where that keeps no names. */
  async save(scratch: ScratchStore): Promise<SavedTensor[] | undefined> {
    const saved: SavedTensor[] = [];
    for (let index = 0; index < this.count; index++) {
      const states = await this.take(index);
      const one = await saveTensor(this.arena, states, scratch);
      await this.put(index, states);
      if (!one) return undefined;
      saved.push(one);
    }
    return saved;
  }

  async load(saved: readonly SavedTensor[], find: (place: StoredPlace) => ScratchSlot): Promise<void> {
    for (const [index, one] of saved.entries()) await this.put(index, await loadTensor(this.arena, one, find));
  }

  /** Frees everything that is still held, and the store. */
  async clear(): Promise<void> {
    this.arena.free(...this.resident.values());
    this.resident.clear();
    this.residentBytes = 0;
    this.spilled.clear();
    this.slots.clear();
    const { scratch } = this;
    this.scratch = undefined;
    await scratch?.clear();
  }

  private async write(index: number, bytes: Uint8Array): Promise<ScratchSlot> {
    const known = this.slots.get(index);
    if (known && known.bytes >= bytes.byteLength) {
      await known.write(bytes);
      return known;
    }
    this.scratch ??= await (this.spill as SpillOptions).createScratch();
    const slot = await this.scratch.append(bytes);
    this.slots.set(index, slot);
    return slot;
  }
}

/** Runs `job` with states that are cleared in every case, the scratch store too. */
export async function withBatchStates<T>(
  arena: Arena,
  spill: SpillOptions | undefined,
  job: (states: BatchStates) => Promise<T>,
): Promise<T> {
  const states = new BatchStates(arena, spill);
  try {
    return await job(states);
  } finally {
    await states.clear();
  }
}

/** As on WebGPU; the CPU backend's f64 count as if they were f32, so that a budget means the same batches on both. */
function bytesOf({ shape }: Tensor): number {
  return 4 * elementCount(shape);
}

function misuse(message: string): WhittleError {
  return new WhittleError({ code: 'internal', message: `Hidden states: ${message}.` });
}
