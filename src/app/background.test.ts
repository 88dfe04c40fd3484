import { expect, it } from 'vitest';
import { pageTitle } from './background.ts';
import { startJob } from './store/job.ts';

const STEPS = [{ command: 'compress', label: 'Slicing 25 %' } as const];
const running = { ...startJob('slice', 'Slicing', STEPS, 0), fraction: 0.389 };
const ended = { kind: 'slice', title: 'Slicing', duration_ms: 1 } as const;
const error = { code: 'internal', message: 'No.', place: {} } as const;

it.each([
  ['a job', running, '38 % · Whittle', '38 % · Whittle'],
  ['nothing', { state: 'idle' } as const, 'Whittle', 'Whittle'],
  ['a done job', { state: 'finished', outcome: 'done', ...ended } as const, 'Whittle', 'Done · Whittle'],
  ['a cancelled one', { state: 'finished', outcome: 'cancelled', ...ended } as const, 'Whittle', 'Whittle'],
  ['a failure', { state: 'failed', kind: 'slice', title: 'Slicing', error } as const, 'Whittle', 'Failed · Whittle'],
])('tells %s in the title', (_, job, seen, hidden) => {
  expect(pageTitle({ job, durations: {} }, false)).toBe(seen);
  expect(pageTitle({ job, durations: {} }, true)).toBe(hidden);
});
