/**
 * @file Arrays of freed tensors, kept for the next ones of their size: a pass allocates the same shapes again and again,
 * and garbage collections that large buffers bring on took a tenth of the time. They are not counted as used memory.
 */

/** All that is kept, at most. */
const MOST_BYTES = 128 * 2 ** 20;

export class SpareArrays {
  /** By length; the oldest length comes first. */
  private readonly lists = new Map<number, Float32Array[]>();
  private bytes = 0;

  /** An array of this length with what its last tensor held, or undefined. */
  take(length: number): Float32Array | undefined {
    const list = this.lists.get(length);
    const array = list?.pop();
    if (list?.length === 0) this.lists.delete(length);
    if (array) this.bytes -= array.byteLength;
    return array;
  }

  put(array: Float32Array): void {
    if (array.byteLength > MOST_BYTES) return;
    this.bytes += array.byteLength;
    const list = this.lists.get(array.length) ?? [];
    list.push(array);
    // Sizes in use move to the end.
    this.lists.delete(array.length);
    this.lists.set(array.length, list);
    for (const [length, oldest] of this.lists) {
      if (this.bytes <= MOST_BYTES) return;
      this.bytes -= 4 * length * oldest.length;
      this.lists.delete(length);
    }
  }

  clear(): void {
    this.lists.clear();
    this.bytes = 0;
  }
}
