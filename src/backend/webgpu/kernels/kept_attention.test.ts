/** @file Attention over kept keys and values: the last queries of a sequence alone give what the whole sequence gives them. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { createCpuBackend } from '../../cpu/cpu_backend.ts';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';
import { createWasmBackend } from '../../wasm/wasm_backend.ts';

const twins = await openTwins();
const f64 = createCpuBackend();
const wasm = createWasmBackend();
afterAll(() => {
  twins?.webgpu.dispose();
  wasm.dispose();
});

const OPTIONS: [name: string, options: { window?: number; soft_cap?: number; hasSlopes?: true }][] = [
  ['all keys', {}],
  ['a window', { window: 9 }],
  ['a window of one', { window: 1 }],
  ['a cap', { soft_cap: 2 }],
  ['slopes', { hasSlopes: true }],
];

const [HEADS, KV_HEADS] = [4, 2];
/** Rows that a cache has beyond those in use; they must not be read. */
const SPARE = 5;

/** Output of the last `count` queries of `seqlen`. */
async function lastRows(
  backend: Backend,
  options: object,
  seqlen: number,
  count: number,
  head_dim: number,
  kept: boolean,
) {
  const { hasSlopes, ...rest } = options as (typeof OPTIONS)[number][1];
  const row = HEADS * head_dim;
  const query = Float32Array.from(randomValues(seqlen * row, 1), (x) => 3 * x);
  const pair = [2, 3].map((seed) => {
    const values = randomValues(seqlen * KV_HEADS * head_dim, seed);
    const spare = kept ? new Array(SPARE * KV_HEADS * head_dim).fill(1e30) : [];
    return backend.fromArray([...values, ...spare], [seqlen + (kept ? SPARE : 0), KV_HEADS * head_dim], 'kept');
  });
  const rows = kept ? count : seqlen;
  const own = query.slice((seqlen - rows) * row);
  const output = backend.empty([rows, row], 'output');
  const slopes = backend.fromArray([1, 0.25, 0.5, 0.125], [HEADS], 'slopes');
  backend.attention({
    ...{ query: backend.fromArray(own, [rows, row], 'query'), key: pair[0], value: pair[1], output },
    ...{ seqlen: rows, heads: HEADS, kv_heads: KV_HEADS, head_dim, scale: 0.5, ...rest },
    ...(hasSlopes && { slopes }),
    ...(kept && { past: seqlen - count }),
  });
  return Array.from(await backend.read(output)).slice(-count * row);
}

const BACKENDS: [name: string, backend: Backend | undefined][] = [
  ['f64', f64],
  ['WebAssembly', wasm],
  ['WebGPU', twins?.webgpu],
];

describe.each(BACKENDS)('%s', (_, backend) => {
  it.runIf(backend).each(OPTIONS)('kept keys with %s', async (_name, options) => {
    for (const [seqlen, count, head_dim] of [
      [1, 1, 4],
      [40, 1, 8],
      [40, 1, 5],
      [70, 3, 8],
      [70, 70, 8],
      [150, 70, 4],
      [40, 1, 32],
      [300, 290, 32],
    ]) {
      const whole = await lastRows(f64, options, seqlen, count, head_dim, false);
      const found = await lastRows(backend as Backend, options, seqlen, count, head_dim, true);
      expect(normalisedError(found, whole)).toBeLessThan(1e-11);
    }
  });

  it.runIf(backend)('writes rows where they belong, and no others', async () => {
    const b = backend as Backend;
    const output = b.fromArray(new Array(12).fill(-1), [4, 3], 'cache');
    b.write_rows({ source: b.fromArray([1, 2, 3, 4, 5, 6], [2, 3], 'rows'), output, first_row: 1 });
    expect(Array.from(await b.read(output))).toEqual([-1, -1, -1, 1, 2, 3, 4, 5, 6, -1, -1, -1]);
  });

  it.runIf(backend)('refuses rows beyond the end, too few keys and several sequences', () => {
    const b = backend as Backend;
    const empty = (rows: number, columns = 4) => b.empty([rows, columns], 'x');
    const shape = expect.objectContaining({ code: 'kernel_shape' });
    expect(() => b.write_rows({ source: empty(2), output: empty(4), first_row: 3 })).toThrowError(shape);
    expect(() => b.write_rows({ source: empty(2), output: empty(4, 3), first_row: 0 })).toThrowError(shape);
    const one = { heads: 1, kv_heads: 1, head_dim: 4, scale: 1, output: empty(2), query: empty(2) };
    const kept = { key: empty(4), value: empty(4) };
    expect(() => b.attention({ ...one, ...kept, seqlen: 2, past: 3 })).toThrowError(shape);
    expect(() => b.attention({ ...one, ...kept, seqlen: 1, past: 1 })).toThrowError(shape);
  });
});
