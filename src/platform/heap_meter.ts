/**
 * @file How large the page's own memory is, Workers and verifier included, as the browser tells it. Only
 * `measureUserAgentSpecificMemory` sees the engine's Worker: the older `performance.memory` knows the page's thread alone,
 * and its figure would say nothing. It answers at the next garbage collection, perhaps after 20 s (measured in Chromium: 17
 * to 19 s; at once with the flag of the headless command), so it is asked beside the work and never waited for. Short peaks
 * between two answers are missed.
 *
 * Chromium counts memory that threads share once for each Worker that has looked at it (measured in 156), and that of a
 * WebAssembly.Memory that is not shared not at all. So threads, which hold nothing but shared memory, are left out: the engine
 * and the verifier, to whom it belongs, are counted with it.
 */

/** Bytes in use; rejects where the browser will not tell. */
export type MeasureHeap = () => Promise<number>;

/** From one answer to the next question: each costs a garbage collection. */
const INTERVAL_MS = 2000;

interface MeasuredMemory {
  bytes: number;
  /** A part belongs to those who are named: none, or one page or Worker. */
  breakdown?: { bytes: number; attribution: { url: string }[] }[];
}

interface MeasuringPerformance {
  measureUserAgentSpecificMemory?(): Promise<MeasuredMemory>;
}

/** Scripts of the CPU backend's threads and of onnxruntime-web's. */
const THREADS = /\/(?:compute_worker|ort-wasm)[^/]*$/;

/** Bytes of a page and its Workers without its threads. */
export function withoutThreads({ bytes, breakdown = [] }: MeasuredMemory): number {
  const isThread = ({ url }: { url: string }) => THREADS.test(new URL(url, 'http://page/').pathname);
  return breakdown.reduce((left, part) => (part.attribution.some(isThread) ? left - part.bytes : left), bytes);
}

/** Undefined where there is no such measure: other browsers, and pages that are not cross-origin isolated. */
export function browserHeap(): MeasureHeap | undefined {
  const measuring = performance as MeasuringPerformance;
  if (!globalThis.crossOriginIsolated || !measuring.measureUserAgentSpecificMemory) return undefined;
  return async () => withoutThreads(await measuring.measureUserAgentSpecificMemory!());
}

export class HeapMeter {
  private isAsking = false;
  private answeredAt = Number.NEGATIVE_INFINITY;

  /** @param onBytes Called with every answer. */
  constructor(
    private readonly onBytes: (bytes: number) => void,
    private measure: MeasureHeap | undefined = browserHeap(),
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Asks, unless a question is open, whenever the last was answered. */
  sampleAnew(): void {
    this.answeredAt = Number.NEGATIVE_INFINITY;
    this.sample();
  }

  /** Asks, unless a question is open or was answered a moment ago. Returns at once. */
  sample(): void {
    if (!this.measure || this.isAsking || this.now() - this.answeredAt < INTERVAL_MS) return;
    this.isAsking = true;
    this.measure()
      .then((bytes) => this.onBytes(bytes))
      .catch(() => {
        // A browser that refuses once refuses always.
        this.measure = undefined;
      })
      .finally(() => {
        this.isAsking = false;
        this.answeredAt = this.now();
      });
  }
}
