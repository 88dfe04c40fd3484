/**
 * @file When a device ran its kernels, while a timeline is kept. Where it has timestamps, each dispatch is a pass of its own between two
 * of them; elsewhere a span is a whole submit, from its beginning until the device says that it is done.
 */
import { SpanRing } from '../../pulse/span_ring.ts';
import { clock, GPU_THREAD, type Lane } from '../../pulse/timeline.ts';

/** Of one submit; a set holds 4096 timestamps at most. */
const MOST_DISPATCHES = 1024;
const MOST_SPANS = 2 ** 18;
const TIMESTAMP_BYTES = 8;
/** GPUBufferUsage and GPUMapMode, whose globals are absent in Node. */
const [MAP_READ, COPY_SRC, COPY_DST, QUERY_RESOLVE, READ] = [1, 4, 8, 512, 1];

export class GpuTiming {
  private readonly ring = new SpanRing(MOST_SPANS);
  private readonly queries?: { set: GPUQuerySet; resolved: GPUBuffer };
  /** Kernels between timestamps, since the last submit. */
  private names: string[] = [];
  private dispatches = 0;
  private readonly open = new Set<Promise<void>>();
  /** Milliseconds to add to the device's clock: it cannot have ended later than it was heard of, so the least is nearest. */
  private offset = Number.POSITIVE_INFINITY;
  private ended = 0;

  /** @param id Of the timeline that it belongs to. */
  constructor(
    private readonly device: GPUDevice,
    readonly id: number,
  ) {
    if (!device.features.has('timestamp-query')) return;
    const count = 2 * MOST_DISPATCHES;
    this.queries = {
      set: device.createQuerySet({ type: 'timestamp', count, label: 'timeline' }),
      resolved: device.createBuffer({
        size: count * TIMESTAMP_BYTES,
        usage: QUERY_RESOLVE | COPY_SRC,
        label: 'timeline',
      }),
    };
  }

  get isFull(): boolean {
    return this.names.length === MOST_DISPATCHES;
  }

  /** For the pass of one dispatch; undefined where passes need not be cut. */
  writesOf(name: string): GPUComputePassTimestampWrites | undefined {
    this.dispatches += 1;
    if (!this.queries) return undefined;
    const at = 2 * this.names.length;
    this.names.push(name);
    return { querySet: this.queries.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Before commands are finished. @returns To be called once they were submitted. */
  beforeSubmit(encoder: GPUCommandEncoder): () => void {
    const { names, dispatches, queries, device } = this;
    this.names = [];
    this.dispatches = 0;
    if (!queries) return () => dispatches > 0 && this.keep(this.wholeSubmit(clock()));
    if (names.length === 0) return () => {};
    const size = 2 * names.length * TIMESTAMP_BYTES;
    const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST, label: 'timeline' });
    encoder.resolveQuerySet(queries.set, 0, 2 * names.length, queries.resolved, 0);
    encoder.copyBufferToBuffer(queries.resolved, 0, staging, 0, size);
    return () => this.keep(this.timestamps(names, staging));
  }

  /** Waits for what was submitted until now. */
  async lane(): Promise<Lane> {
    await Promise.all(this.open);
    const lane = this.ring.lane('gpu', GPU_THREAD);
    if (!this.queries) return { ...lane, source: 'submits' };
    const { offset } = this;
    return {
      ...lane,
      source: 'timestamps',
      start: lane.start.map((time) => time + offset),
      end: lane.end.map((time) => time + offset),
    };
  }

  dispose(): void {
    this.queries?.set.destroy();
    this.queries?.resolved.destroy();
  }

  private keep(work: Promise<void>): void {
    // A device that was lost tells no more times; its kernels tell why.
    const kept: Promise<void> = work.catch(() => undefined).finally(() => this.open.delete(kept));
    this.open.add(kept);
  }

  private async timestamps(names: readonly string[], staging: GPUBuffer): Promise<void> {
    try {
      await staging.mapAsync(READ);
      const heard = clock();
      const times = new BigInt64Array(staging.getMappedRange());
      for (const [i, name] of names.entries()) {
        // Passes may lie over each other by a rounding.
        const start = Math.max(this.ended, milliseconds(times[2 * i]));
        const end = Math.max(start, milliseconds(times[2 * i + 1]));
        this.ring.add(name, start, end);
        this.ended = end;
      }
      this.offset = Math.min(this.offset, heard - this.ended);
    } finally {
      staging.destroy();
    }
  }

  private async wholeSubmit(submitted: number): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    const end = clock();
    // The device takes them one after another.
    this.ring.add('submit', Math.max(this.ended, submitted), end);
    this.ended = end;
  }
}

/** Of the device's nanoseconds: a double keeps a few hundred of them, over years. */
function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e6;
}
