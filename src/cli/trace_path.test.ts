import { expect, it } from 'vitest';
import { traceOf } from './trace_path.ts';

it('has a file of its own for a repetition', () => {
  expect(traceOf('out/t.json', 'cpu')).toBe('out/t.cpu.json');
  expect(traceOf('t', 'webgpu')).toBe('t.webgpu');
});
