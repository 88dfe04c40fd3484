/** @file Turns shares of work into progress events with rate and time left. */
import { beginStep, isTimelineOn } from '../pulse/timeline.ts';
import type { EngineEvent, MemoryReport, Stage } from './protocol.ts';
import type { EngineState } from './state.ts';

export type Emit = (event: EngineEvent) => void;

/** An estimate from less work than this swings too much to be shown. */
const LEAST_FRACTION = 0.03;
const LEAST_ELAPSED_MS = 500;

export interface Step {
  fraction: number;
  step: string;
  layer?: number;
  layers?: number;
  /** Tokens processed so far in this command. */
  tokens?: number;
}

/** Reports on one stage of a command. */
export class ProgressMeter {
  private readonly started = performance.now();

  constructor(
    private readonly emit: Emit,
    private readonly stage: Stage,
    private readonly memory: () => MemoryReport,
  ) {}

  report({ fraction, step, layer, layers, tokens }: Step): void {
    if (isTimelineOn()) beginStep(`${this.stage.replaceAll('_', ' ')}: ${step}`);
    const elapsed = performance.now() - this.started;
    const known = fraction >= LEAST_FRACTION && elapsed >= LEAST_ELAPSED_MS;
    this.emit({
      type: 'progress',
      stage: this.stage,
      fraction,
      step,
      layer,
      layers,
      tokens_per_second: known && tokens ? (1000 * tokens) / elapsed : undefined,
      eta_seconds: known ? ((elapsed / fraction) * (1 - fraction)) / 1000 : undefined,
      memory: this.memory(),
    });
  }
}

export function memoryReport({
  backend,
  peak_heap_bytes,
}: Pick<EngineState, 'backend' | 'peak_heap_bytes'>): MemoryReport {
  return {
    current_gpu_bytes: backend?.memory.currentBytes ?? 0,
    peak_gpu_bytes: backend?.memory.peakBytes ?? 0,
    ...(peak_heap_bytes !== undefined && { peak_heap_bytes }),
  };
}
