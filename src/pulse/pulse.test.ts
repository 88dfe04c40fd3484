import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.useRealTimers();
  vi.resetModules();
});

async function sharedPulse() {
  const { PULSE_BYTES, readPulse, startPulse, ...rest } = await import('./pulse.ts');
  const shared = new SharedArrayBuffer(PULSE_BYTES);
  startPulse(shared);
  return { ...rest, read: () => readPulse(new Int32Array(shared)) };
}

it('is felt during a long product, factorisation and eigendecomposition, none of which return in between', async () => {
  const { read } = await sharedPulse();
  const { addProduct, view } = await import('../backend/linalg/gemm.ts');
  const n = 600;
  const a = new Float64Array(n * n).map((_, i) => ((i * 7919) % 101) / 101 + (i % (n + 1) === 0 ? n : 0));
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
  const before = read().beats;
  addProduct(n, n, n, view(a, n), view(a, n), view(new Float64Array(n * n), n));
  expect(read().beats - before).toBeGreaterThan(5);
  const { choleskyFactor } = await import('../backend/linalg/cholesky.ts');
  const factored = read().beats;
  await choleskyFactor(a, n);
  expect(read().beats - factored).toBeGreaterThan(5);
});

it('tells how long a call that cannot beat may take, until it has ended, well or badly', async () => {
  const { quietly, read } = await sharedPulse();
  expect(quietly(30, () => read().quiet_s)).toBe(30);
  expect(read().quiet_s).toBe(0);
  expect(() => quietly(30, () => JSON.parse('{'))).toThrow();
  expect(read().quiet_s).toBe(0);
  let end = () => {};
  const working = quietly(9, () => new Promise<void>((resolve) => (end = resolve)));
  expect(read().quiet_s).toBe(9);
  end();
  await working;
  expect(read().quiet_s).toBe(0);
});

it('allows the longer silence where one call that cannot beat stands within another', async () => {
  const { quietly, read } = await sharedPulse();
  const seen = quietly(30, () => [quietly(5, () => read().quiet_s), read().quiet_s, quietly(60, () => read().quiet_s)]);
  expect(seen).toEqual([30, 30, 60]);
  expect(read().quiet_s).toBe(0);
});

it('is a message each second where memory cannot be shared', async () => {
  vi.useFakeTimers();
  const { pulse, quietly, startPulse } = await import('./pulse.ts');
  const heard: string[] = [];
  startPulse({ beat: () => heard.push('beat'), quiet: (seconds) => heard.push(`quiet ${seconds}`) });
  vi.advanceTimersByTime(2000);
  for (let i = 0; i < 1000; i++) pulse();
  expect(heard).toEqual(['beat']);
  vi.advanceTimersByTime(1000);
  pulse();
  quietly(20, () => undefined);
  expect(heard).toEqual(['beat', 'beat', 'quiet 20', 'quiet 0']);
});
