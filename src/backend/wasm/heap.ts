/**
 * @file One shared WebAssembly memory that all tensors of the CPU backend lie in, so that every thread reaches them by
 * address: a task is a few numbers, products read their operands where they are, and no array is made or collected.
 * First fit over free blocks in address order, neighbours joined. It grows and never shrinks; it goes with its backend.
 */
import type { WasmPlace } from '../linalg/panel_product.ts';
import { MemoryViews } from './memory_views.ts';

const PAGE = 65536;
/** 4 GiB, all that 32-bit addresses reach; where so much address space is refused, a quarter of it. */
const MOST_PAGES = [65536, 16384];
/** A cache line, so that no two threads write to the same one for different tensors. */
const ALIGNMENT = 64;
/** The memory grows by at least this share of itself: each growth makes a new view of it. */
const GROWTH = 1 / 4;

interface Block {
  start: number;
  end: number;
}

/** The shared memory, or undefined where the page is not cross-origin isolated or the address space is too small. */
export function createSharedMemory(): WebAssembly.Memory | undefined {
  for (const maximum of MOST_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch {
      // The next one is smaller.
    }
  }
  return undefined;
}

export class SharedHeap implements WasmPlace {
  /** In address order, none touching the next. */
  private readonly free: Block[] = [];
  private readonly used = new Map<number, number>();
  readonly views: MemoryViews;
  private end: number;

  constructor(readonly memory: WebAssembly.Memory) {
    this.views = new MemoryViews(memory);
    this.end = memory.buffer.byteLength;
    // Address 0 is left alone: an offset of 0 is no tensor's.
    this.free.push({ start: ALIGNMENT, end: this.end });
  }

  /**
   * Address of so many bytes, with what they held before.
   * @throws RangeError where the memory cannot grow so far.
   */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    let index = this.free.findIndex(({ start, end }) => end - start >= size);
    if (index < 0) index = this.grow(size);
    const block = this.free[index];
    const { start } = block;
    block.start += size;
    if (block.start === block.end) this.free.splice(index, 1);
    this.used.set(start, size);
    return start;
  }

  /** Takes back what `allocate` gave. */
  release(start: number): void {
    const size = this.used.get(start);
    if (size === undefined) throw new RangeError(`There is no block at ${start}.`);
    this.used.delete(start);
    const end = start + size;
    let at = this.free.findIndex((block) => block.start > start);
    if (at < 0) at = this.free.length;
    const [before, after] = [this.free[at - 1], this.free[at]];
    const [joinsBefore, joinsAfter] = [before?.end === start, after?.start === end];
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.free.splice(at, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else this.free.splice(at, 0, { start, end });
  }

  /** Bytes that were allocated and not released. */
  get usedBytes(): number {
    let bytes = 0;
    for (const size of this.used.values()) bytes += size;
    return bytes;
  }

  floats(elements: number): Float32Array {
    const start = this.allocate(4 * elements);
    return new Float32Array(this.views.buffer, start, elements);
  }

  doubles(elements: number): Float64Array {
    const start = this.allocate(8 * elements);
    return new Float64Array(this.views.buffer, start, elements);
  }

  bytes(count: number): Uint8Array {
    const start = this.allocate(count);
    return new Uint8Array(this.views.buffer, start, count);
  }

  words(elements: number): Uint32Array {
    const start = this.allocate(4 * elements);
    return new Uint32Array(this.views.buffer, start, elements);
  }

  holds(buffer: ArrayBufferLike): boolean {
    return this.views.holds(buffer);
  }

  /** @returns The index of a block of at least `size` bytes. */
  private grow(size: number): number {
    const last = this.free[this.free.length - 1];
    const atEnd = last?.end === this.end ? this.end - last.start : 0;
    const needed = Math.ceil((size - atEnd) / PAGE);
    const generous = Math.ceil((this.end * GROWTH) / PAGE);
    try {
      this.memory.grow(Math.max(needed, generous));
    } catch (cause) {
      if (generous <= needed) throw cause;
      this.memory.grow(needed);
    }
    const end = this.memory.buffer.byteLength;
    if (atEnd > 0) last.end = end;
    else this.free.push({ start: this.end, end });
    this.end = end;
    return this.free.length - 1;
  }
}
