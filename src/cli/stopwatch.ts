/** @file How long the stages of a headless job take. */
import type { StageTimings } from '../engine/report.ts';

export type Stopwatch = ReturnType<typeof stopwatch>;

/** Wall-clock milliseconds by stage; `total` is everything. */
export function stopwatch() {
  const started = performance.now();
  let last = started;
  const laps: StageTimings = {
    load: 0,
    dense_evaluation: 0,
    compression: 0,
    evaluation: 0,
    export: 0,
    verification: 0,
    total: 0,
  };
  return {
    lap(stage: keyof StageTimings) {
      const now = performance.now();
      laps[stage] += now - last;
      last = now;
    },
    move(from: keyof StageTimings, to: keyof StageTimings, duration: number) {
      laps[from] -= duration;
      laps[to] += duration;
    },
    finish(): StageTimings {
      laps.total = performance.now() - started;
      const rounded = { ...laps };
      for (const stage of Object.keys(rounded) as (keyof StageTimings)[]) rounded[stage] = Math.round(laps[stage]);
      return rounded;
    },
  };
}
