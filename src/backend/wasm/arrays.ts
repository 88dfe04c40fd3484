/** @file Where the CPU backend's tensors lie: in the memory that all threads share, or in arrays of their own. */
import type { Values } from '../cpu/tensor.ts';
import type { SharedHeap } from './heap.ts';
import { SpareArrays } from './spare_arrays.ts';

/** Arrays come with what they held before. All but `clear` throw RangeError where memory is short. */
export interface Arrays {
  floats(elements: number): Float32Array;
  doubles(elements: number): Float64Array;
  words(elements: number): Uint32Array;
  /** The bytes where all threads reach them. */
  copyOf(bytes: Uint8Array): Uint8Array;
  /** Whether all threads reach arrays of this buffer. */
  holds(buffer: ArrayBufferLike): boolean;
  /** Takes back an array that is no longer used. */
  recycle(values: Values | Uint8Array): void;
  clear(): void;
}

export class HeapArrays implements Arrays {
  constructor(private readonly heap: SharedHeap) {}

  floats(elements: number): Float32Array {
    return this.heap.floats(elements);
  }

  doubles(elements: number): Float64Array {
    return this.heap.doubles(elements);
  }

  words(elements: number): Uint32Array {
    return this.heap.words(elements);
  }

  copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.heap.bytes(bytes.length);
    copy.set(bytes);
    return copy;
  }

  holds(buffer: ArrayBufferLike): boolean {
    return this.heap.holds(buffer);
  }

  recycle({ byteOffset }: Values | Uint8Array): void {
    this.heap.release(byteOffset);
  }

  /** The memory is let go of with its backend. */
  clear(): void {}
}

/** Where memory cannot be shared. */
export class OwnArrays implements Arrays {
  private readonly spare = new SpareArrays();

  floats(elements: number): Float32Array {
    return this.spare.take(elements) ?? new Float32Array(elements);
  }

  doubles(elements: number): Float64Array {
    return new Float64Array(elements);
  }

  words(elements: number): Uint32Array {
    return new Uint32Array(elements);
  }

  copyOf(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  holds(): boolean {
    return false;
  }

  recycle(values: Values | Uint8Array): void {
    if (values instanceof Float32Array) this.spare.put(values);
  }

  clear(): void {
    this.spare.clear();
  }
}
