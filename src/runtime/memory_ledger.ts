/**
 * @file A job's allocations without the job: the planner holds and frees what the runtime would, in the same order, and
 * the ledger keeps the peak with its breakdown. Pure arithmetic on shapes.
 */
import type { MemoryCosts } from '../backend/memory_costs.ts';

/** What device memory is used for. */
export type MemoryPart = 'weights' | 'activations' | 'matrices' | 'workspace' | 'head' | 'other';

export type MemoryBreakdown = Record<MemoryPart, number>;

export interface Held {
  readonly part: MemoryPart;
  readonly bytes: number;
}

export function emptyBreakdown(): MemoryBreakdown {
  return { weights: 0, activations: 0, matrices: 0, workspace: 0, head: 0, other: 0 };
}

export class MemoryLedger {
  peakBytes = 0;
  atPeak = emptyBreakdown();
  private readonly now = emptyBreakdown();
  private currentBytes = 0;
  private readonly held = new Set<Held>();
  private readonly workspaces = new Map<string, { held: Held; elements: number }>();
  private waiting: Held[] = [];
  private waitingBytes = 0;

  constructor(
    readonly costs: MemoryCosts,
    /** Bytes of a stored element of the model's weights; below 4 the stored bytes go to the device first. */
    private readonly storedElementBytes: number,
  ) {
    this.holdBytes('other', costs.fixedBytes);
  }

  /** A tensor of so many f32 elements. */
  hold(part: MemoryPart, elements: number): Held {
    return this.holdBytes(part, this.costs.floats(elements));
  }

  holdIds(part: MemoryPart, elements: number): Held {
    return this.holdBytes(part, this.costs.ids(elements));
  }

  /** A stored weight, decoded on the device. */
  load(part: MemoryPart, elements: number, storedElementBytes = this.storedElementBytes): Held {
    const weight = this.hold(part, elements);
    if (this.costs.storedBytesWait && storedElementBytes < 4) {
      const stored = this.holdBytes(part, this.costs.ids(Math.ceil((elements * storedElementBytes) / 4)));
      this.waiting.push(stored);
      this.waitingBytes += stored.bytes;
      if (this.waitingBytes > this.costs.maxWaitingBytes) this.submit();
    }
    return weight;
  }

  free(...tensors: (Held | undefined)[]): void {
    this.submit();
    for (const held of tensors) if (held) this.release(held);
  }

  /** A named tensor that stays until `freeWorkspace`, or until it is asked for in another size. */
  workspace(name: string, elements: number): void {
    const known = this.workspaces.get(name);
    if (known?.elements === elements) return;
    if (known) this.free(known.held);
    this.workspaces.set(name, { held: this.hold('workspace', elements), elements });
  }

  freeWorkspace(): void {
    this.free(...[...this.workspaces.values()].map(({ held }) => held));
    this.workspaces.clear();
  }

  /** A read-back of so many elements: its buffer is there before what waited is submitted. */
  read(elements: number): void {
    if (this.costs.readsThroughBuffer) this.free(this.hold('other', elements));
    else this.submit();
  }

  /** The fence that a `sync` reads. */
  sync(): void {
    this.submit();
    if (this.costs.readsThroughBuffer) this.free(this.hold('other', 1), this.hold('other', 1));
  }

  private submit(): void {
    this.waitingBytes = 0;
    for (const held of this.waiting.splice(0)) this.release(held);
  }

  holdBytes(part: MemoryPart, bytes: number): Held {
    const held = { part, bytes };
    this.held.add(held);
    this.now[part] += bytes;
    this.currentBytes += bytes;
    if (this.currentBytes > this.peakBytes) {
      this.peakBytes = this.currentBytes;
      this.atPeak = { ...this.now };
    }
    return held;
  }

  private release(held: Held): void {
    if (!this.held.delete(held)) return;
    this.now[held.part] -= held.bytes;
    this.currentBytes -= held.bytes;
  }
}
