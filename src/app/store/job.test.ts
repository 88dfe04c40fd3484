import { describe, expect, it } from 'vitest';
import { applyProgress, enterStep, type JobStep, jobEta, jobFraction, type RunningJob, startJob } from './job.ts';

const STEPS: JobStep[] = [
  { command: 'compress', label: 'Slicing 25 %' },
  { command: 'evaluate', label: 'Perplexity at 25 %' },
];
const memory = { current_gpu_bytes: 1, peak_gpu_bytes: 2 };

function running(change: Partial<RunningJob> = {}): RunningJob {
  return { ...startJob('slice', 'Slicing', STEPS, 0), ...change };
}

describe('the job', () => {
  it('starts at its first step with nothing done', () => {
    expect(running()).toMatchObject({ state: 'running', index: 0, fraction: 0, step: 'Slicing 25 %' });
  });

  it('forgets the layer and the ETA of a step when the next begins', () => {
    const job = applyProgress(
      running(),
      {
        type: 'progress',
        stage: 'compression',
        fraction: 0.5,
        layer: 2,
        layers: 4,
        step: 'covariance',
        eta_seconds: 9,
        memory,
      },
      0,
    );
    expect(job).toMatchObject({ fraction: 0.5, layer: 2, step: 'covariance', eta_seconds: 9 });
    const next = enterStep(job, 1) as RunningJob;
    expect(next).toMatchObject({ index: 1, fraction: 0, step: 'Perplexity at 25 %' });
    expect(next.layer).toBeUndefined();
    expect(next.eta_seconds).toBeUndefined();
  });

  it('takes no progress when it no longer runs', () => {
    const idle = { state: 'idle' } as const;
    expect(applyProgress(idle, { type: 'progress', stage: 'compression', fraction: 1, step: '', memory }, 0)).toBe(
      idle,
    );
  });

  it('weighs steps by how long they took before, and alike while that is unknown', () => {
    const half = running({ index: 1, fraction: 0 });
    expect(jobFraction(half, {})).toBe(0.5);
    expect(jobFraction(half, { compress: 900, evaluate: 100 })).toBeCloseTo(0.9);
  });

  it('says which part an ETA covers, and gives none without knowing', () => {
    expect(jobEta(running(), {}, 0)).toBeNull();
    expect(jobEta(running({ eta_seconds: 10 }), {}, 0)).toEqual({ seconds: 10, of: 'step' });
    expect(jobEta(running({ eta_seconds: 10 }), { evaluate: 5_000 }, 0)).toEqual({ seconds: 15, of: 'job' });
    expect(jobEta(running({ eta_seconds: 3, index: 1 }), {}, 2_000)).toEqual({ seconds: 1, of: 'job' });
    expect(jobEta(running({ eta_seconds: 3, index: 1 }), {}, 9_000)?.seconds).toBe(0);
  });
});
