/**
 * @file Where the functions of vectors read and write: arrays that lie in the memory itself are taken where they are, others, and
 * the few elements behind the last whole vector, by way of a stage. JavaScript copies shared memory element by element, which
 * took longer than the work on what was copied.
 *
 * Both ways go through the same stretches, so that the bits do not depend on where an array lies.
 */
import type { WasmPlace } from '../linalg/panel_product.ts';
import { LANES } from '../linalg/tile_kernel.ts';

/** Elements of the longest stretch. */
export const MOST_STAGED = 4096;
/** Arrays that a function has at once. */
const SLOTS = 5;
/** Bytes in front of the slots: two f64, then four f32. */
const NUMBERS_AT = 16;
const SLOTS_AT = 32;

export const STAGING_BYTES = SLOTS_AT + 4 * SLOTS * MOST_STAGED;

const PAGE = 65536;

/** Elements of the stretch of an array from `at` on: whole vectors as long as there are any. */
export function stretch(at: number, end: number): number {
  const left = end - at;
  return left < LANES.f32 ? left : Math.min(MOST_STAGED, left - (left % LANES.f32));
}

export class Staging {
  readonly memory: WebAssembly.Memory;
  /** Address of `sums`, with `numbers` 16 bytes behind it. */
  readonly address: number;
  /** What a function gives. */
  readonly sums: Float64Array;
  /** The same bytes as four f32. */
  readonly lanes: Float32Array;
  /** What a function takes beside arrays. */
  readonly numbers: Float32Array;
  private readonly slots: readonly Float32Array[];

  /** @param place With the address of {@link STAGING_BYTES} in it; else it has a memory of its own. */
  constructor(private readonly place?: WasmPlace & { scratch: number }) {
    this.memory = place?.memory ?? new WebAssembly.Memory({ initial: Math.ceil(STAGING_BYTES / PAGE) });
    this.address = place?.scratch ?? 0;
    const { buffer } = this.memory;
    this.sums = new Float64Array(buffer, this.address, 2);
    this.lanes = new Float32Array(buffer, this.address, 4);
    this.numbers = new Float32Array(buffer, this.address + NUMBERS_AT, 4);
    this.slots = Array.from(
      { length: SLOTS },
      (_, slot) => new Float32Array(buffer, this.address + SLOTS_AT + 4 * slot * MOST_STAGED, MOST_STAGED),
    );
  }

  /**
   * Address of a stretch that a function reads.
   * @param filler What stands behind the last element of a broken vector.
   */
  source(values: Float32Array, at: number, count: number, slot: number, filler = 0): number {
    if (this.isInPlace(values, count)) return values.byteOffset + 4 * at;
    const stage = this.slots[slot];
    stage.set(values.subarray(at, at + count));
    if (count < LANES.f32) stage.fill(filler, count, LANES.f32);
    return stage.byteOffset;
  }

  /** Address of a stretch that a function writes; {@link written} is to follow. */
  target(values: Float32Array, at: number, count: number, slot: number): number {
    return this.isInPlace(values, count) ? values.byteOffset + 4 * at : this.slots[slot].byteOffset;
  }

  /** What a function left in a slot, to where it belongs. */
  written(values: Float32Array, at: number, count: number, slot: number): void {
    if (!this.isInPlace(values, count)) values.set(this.slots[slot].subarray(0, count), at);
  }

  /** Address of a slot, for what a function leaves to the next one. */
  slot(slot: number): number {
    return this.slots[slot].byteOffset;
  }

  /** Address of a number that lies in the memory itself. */
  inPlace({ buffer, byteOffset }: Float32Array, at: number): number | undefined {
    return this.place?.holds(buffer) ? byteOffset + 4 * at : undefined;
  }

  private isInPlace({ buffer }: Float32Array, count: number): boolean {
    return count % LANES.f32 === 0 && this.place !== undefined && this.place.holds(buffer);
  }
}
