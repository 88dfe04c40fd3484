/** @file Progress with ETA on stderr: one line that rewrites itself on a terminal, else a line every few seconds. */
import type { EngineEvent, TrainingPoint } from '../engine/protocol.ts';
import type { JobObserver } from './job_types.ts';
import { clock, compact } from './numbers.ts';

const LINE_INTERVAL_MS = 5000;

const STAGES: Record<Extract<EngineEvent, { type: 'progress' }>['stage'], string> = {
  download: 'downloading',
  loading: 'reading',
  dense_evaluation: 'perplexity',
  calibration: 'calibrating',
  compression: 'compressing',
  search: 'searching',
  evaluation: 'perplexity',
  generation: 'writing text',
  tasks: 'scoring',
  export: 'writing',
  verification: 'verifying',
};

export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface Progress extends JobObserver {
  /** Clears the line, so that what follows starts clean. */
  done(): void;
}

export function progressOn(stream: ProgressStream, now: () => number = () => performance.now()): Progress {
  let prefix = '';
  let lastLine = Number.NEGATIVE_INFINITY;
  let lastStage = '';
  let running = '';

  function show(text: string, isNew: boolean): void {
    if (stream.isTTY) {
      stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 120) - 1)}`);
    } else if (isNew || now() - lastLine >= LINE_INTERVAL_MS) {
      lastLine = now();
      stream.write(`${text}\n`);
    }
  }

  function tell(line: string): void {
    stream.write(stream.isTTY ? `\r\x1b[2K${line}\n` : `${line}\n`);
  }

  return {
    onStep(label, step, steps) {
      prefix = `[${step}/${steps}] ${label}`;
      lastStage = '';
      running = '';
      show(prefix, true);
    },
    onFact: tell,
    onEvent(event) {
      if (event.type === 'window') {
        running = `perplexity ${event.perplexity.toFixed(1)} after ${event.index + 1} of ${event.count} windows`;
        return;
      }
      if (event.type === 'training') {
        tell(trainingFact(event.point));
        return;
      }
      if (event.type !== 'progress') return;
      const isEvaluation = event.stage === 'dense_evaluation' || event.stage === 'evaluation';
      const parts = [
        `${prefix}: ${STAGES[event.stage]} ${Math.floor(event.fraction * 100)} %`,
        event.layer !== undefined && event.layers !== undefined && `layer ${event.layer + 1} of ${event.layers}`,
        isEvaluation && running ? running : event.step,
        event.tokens_per_second !== undefined && `${compact(event.tokens_per_second)} tokens/s`,
        event.bytes_per_second !== undefined && `${(event.bytes_per_second / 1e6).toFixed(1)} MB/s`,
        event.eta_seconds !== undefined && `${clock(event.eta_seconds)} left`,
      ];
      show(parts.filter(Boolean).join(' · '), event.stage !== lastStage);
      lastStage = event.stage;
    },
    done() {
      if (stream.isTTY) stream.write('\r\x1b[2K');
    },
  };
}

/** "step 20: training loss 0.593, held-out 0.649, held-out perplexity 7.22". */
function trainingFact({ step, training_loss, held_out_loss, held_out_perplexity }: TrainingPoint): string {
  const training = training_loss === undefined ? '' : `training loss ${training_loss.toPrecision(3)}, `;
  const held_out = `held-out ${held_out_loss.toPrecision(3)}, held-out perplexity ${held_out_perplexity.toPrecision(3)}`;
  return `step ${step}: ${training}${held_out}`;
}
