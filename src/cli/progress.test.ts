import { describe, expect, it } from 'vitest';
import { progressOn } from './progress.ts';

describe('progress', () => {
  const event = {
    type: 'progress',
    stage: 'compression',
    fraction: 0.456,
    layer: 1,
    layers: 4,
    step: 'MLP covariance',
    tokens_per_second: 1900,
    eta_seconds: 42,
    memory: { current_gpu_bytes: 0, peak_gpu_bytes: 0 },
  } as const;

  it('rewrites one line on a terminal', () => {
    const written: string[] = [];
    const progress = progressOn({ isTTY: true, columns: 200, write: (text) => written.push(text) });
    progress.onStep('slice 25 %', 3, 3);
    progress.onEvent(event);
    expect(written.at(-1)).toBe(
      '\r\x1b[2K[3/3] slice 25 %: compressing 45 % · layer 2 of 4 · MLP covariance · 1.90 k tokens/s · 0:42 left',
    );
  });

  it('writes a line every few seconds elsewhere', () => {
    const written: string[] = [];
    let time = 0;
    const progress = progressOn({ write: (text) => written.push(text) }, () => time);
    for (time = 0; time < 12_000; time += 100) progress.onEvent(event);
    expect(written).toHaveLength(3);
  });
});
