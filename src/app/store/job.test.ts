import { describe, expect, it } from 'vitest';
import {
  applyProgress,
  enterStep,
  type JobStep,
  jobEta,
  jobFraction,
  jobText,
  type RunningJob,
  startJob,
} from './job.ts';

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

  it('weighs steps by how long they took before, else by what such steps usually take', () => {
    const half = running({ index: 1, fraction: 0 });
    expect(jobFraction(half, {})).toBeCloseTo(2 / 3);
    expect(jobFraction(half, { compress: 900, evaluate: 100 })).toBeCloseTo(0.9);
    expect(jobFraction(running({ index: 1, fraction: 1 }), {})).toBe(1);
  });

  it('gives the time of the whole job, says where it is a guess, and gives none without knowing', () => {
    expect(jobEta(running(), {}, 0)).toBeNull();
    // Half of the slicing is left, 10 s: an evaluation usually takes half as long as the whole of it.
    expect(jobEta(running({ eta_seconds: 10, fraction: 0.5 }), {}, 0)).toEqual({ seconds: 20, isGuess: true });
    expect(jobEta(running({ eta_seconds: 10 }), { evaluate: 5_000 }, 0)).toEqual({ seconds: 15, isGuess: false });
    expect(jobEta(running({ eta_seconds: 3, index: 1 }), {}, 2_000)).toEqual({ seconds: 1, isGuess: false });
    expect(jobEta(running({ eta_seconds: 3, index: 1 }), {}, 9_000)?.seconds).toBe(0);
  });

  it('tells run, step and layer, each once', () => {
    const at = { layer: 13, layers: 30, step: 'MLP covariance' };
    expect(jobText(running(at), 'Compressing')).toBe('Slicing · 1 of 2 · layer 14 of 30 · MLP covariance');
    const sweep = { ...startJob('sweep', 'Sweep', [...STEPS, ...STEPS], 0), ...at, index: 2 };
    expect(jobText(sweep, 'Compressing')).toBe('Sweep · Slicing 25 %, 3 of 4 · layer 14 of 30 · MLP covariance');
    const alone = startJob('export', 'Exporting ONNX', [{ command: 'export', label: 'Writing and verifying' }], 0);
    expect(jobText(alone, 'Verifying')).toBe('Exporting ONNX · Verifying');
    const recipe = 'embed:bits=8; correct:ridge=1; gptq:bits=4,group=32,grid=minimum';
    const steps = [
      { command: 'compress', label: recipe },
      { command: 'evaluate', label: `Perplexity of ${recipe}` },
    ] as const;
    const made = startJob('recipe', recipe, steps, 0);
    expect(jobText(made, null)).toMatch(/^embed:bits=8; .{33}… · 1 of 2$/);
  });
});
