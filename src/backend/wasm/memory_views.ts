/**
 * @file Which buffers are a shared memory's own. One that has grown has a new buffer over the same bytes, on every thread, and views of
 * the old ones stay good: whoever compared with the newest alone would take an array that was made before for one from elsewhere. V8 of
 * Node 24 makes a new one when any shared memory of the thread grows (findings/shared_memories_change_buffers_together.sh).
 */
export class MemoryViews {
  private readonly buffers = new WeakSet<ArrayBufferLike>();

  constructor(private readonly memory: WebAssembly.Memory) {
    this.buffers.add(memory.buffer);
  }

  /** As it is now. */
  get buffer(): ArrayBufferLike {
    const { buffer } = this.memory;
    this.buffers.add(buffer);
    return buffer;
  }

  /** Whether an array of this buffer, which was got from here or is the memory's newest, lies in the memory. */
  holds(buffer: ArrayBufferLike): boolean {
    return this.buffers.has(buffer) || buffer === this.buffer;
  }
}
