import { useEffect, useState } from 'react';
import type { MemoryReport, Stage } from '../../engine/protocol.ts';
import { formatBytes, formatClock, formatRate } from '../format.ts';
import { jobEta, jobFraction, jobText, type RunningJob } from '../store/job.ts';
import { useStudioState } from '../studio.ts';

const STAGES: Record<Stage, string> = {
  download: 'Downloading',
  loading: 'Loading',
  dense_evaluation: 'Evaluating, dense',
  calibration: 'Calibrating',
  compression: 'Compressing',
  search: 'Searching',
  evaluation: 'Evaluating',
  generation: 'Writing text',
  tasks: 'Scoring',
  export: 'Writing',
  verification: 'Verifying',
};

export function RunningJobLine({ job }: { job: RunningJob }) {
  const durations = useStudioState((state) => state.durations);
  const now = useNow();
  const elapsed = Math.max(0, (now - job.started_at) / 1000);
  const fraction = jobFraction(job, durations);
  const eta = jobEta(job, durations, now);
  return (
    <>
      <progress value={fraction} max={1} aria-label="Progress">
        {Math.round(fraction * 100)} %
      </progress>
      <p className="job-line">{jobText(job, job.stage ? STAGES[job.stage] : null)}</p>
      <p className="job-figures">
        {job.bytes_per_second !== undefined && <span>{formatBytes(job.bytes_per_second)}/s</span>}
        {job.tokens_per_second !== undefined && <span>{formatRate(job.tokens_per_second)}</span>}
        {job.memory && job.memory.current_gpu_bytes > 0 && (
          <span title={peaks(job.memory)}>{formatBytes(job.memory.current_gpu_bytes)} in use</span>
        )}
        <span>{formatClock(elapsed)}</span>
        {eta && (
          <span>
            {eta.isGuess && 'about '}
            {formatClock(eta.seconds)} left
          </span>
        )}
      </p>
    </>
  );
}

function peaks({ peak_gpu_bytes, peak_heap_bytes }: MemoryReport): string {
  const page = peak_heap_bytes === undefined ? '' : `; the page’s own ${formatBytes(peak_heap_bytes)}`;
  return `Memory of the computation. At most so far: ${formatBytes(peak_gpu_bytes)}${page}`;
}

/** The time in ms, fresh every second. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
