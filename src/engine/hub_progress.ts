/** @file A download's progress for people: bytes, rate over the last seconds, time left, and why it waits. */
import type { DownloadProgress } from '../platform/hub/download.ts';
import type { Emit } from './progress.ts';
import type { MemoryReport } from './protocol.ts';

/** A rate over less than this swings too much to be shown; over more it is slow to tell of a change. */
const LEAST_WINDOW_MS = 1000;
const WINDOW_MS = 8000;
const REPORT_INTERVAL_MS = 150;

/** Turns a download's progress into events, a few a second. @param now In ms. */
export function downloadMeter(
  emit: Emit,
  memory: () => MemoryReport,
  now: () => number = () => performance.now(),
): (progress: DownloadProgress) => void {
  let samples: { at: number; bytes: number }[] = [];
  let last = Number.NEGATIVE_INFINITY;
  return ({ held_bytes, total_bytes, received_bytes, file, waiting }) => {
    const at = now();
    const isEnd = held_bytes === total_bytes;
    if (at - last < REPORT_INTERVAL_MS && !waiting && !isEnd) return;
    last = at;
    samples = [...samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, bytes: received_bytes }];
    const [first] = samples;
    const elapsed = at - first.at;
    const rate = elapsed >= LEAST_WINDOW_MS ? (1000 * (received_bytes - first.bytes)) / elapsed : undefined;
    emit({
      type: 'progress',
      stage: 'download',
      fraction: total_bytes > 0 ? held_bytes / total_bytes : 1,
      step: waiting
        ? `waiting ${Math.ceil(waiting.seconds)} s: ${waiting.reason}`
        : `${file}, ${share(held_bytes, total_bytes)}`,
      bytes_per_second: waiting ? undefined : rate,
      eta_seconds: rate && !waiting ? (total_bytes - held_bytes) / rate : undefined,
      memory: memory(),
    });
  };
}

function share(held: number, total: number): string {
  const [divisor, unit, digits] = total >= 1e9 ? [1e9, 'GB', 2] : total >= 1e6 ? [1e6, 'MB', 1] : [1e3, 'kB', 0];
  return `${(held / divisor).toFixed(digits)} of ${(total / divisor).toFixed(digits)} ${unit}`;
}
