/** Kernels give the same bits where arrays lie in WebAssembly's memory, on two threads, and where they go through the stage. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { floats } from '../cpu/tensor.ts';
import { randomValues } from '../testing.ts';
import { TRAINING_CASES } from '../training_cases.ts';
import { stretch } from './staging.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const ROWS = 5;
/** Whole vectors, broken ones, and more than a stretch. */
const WIDTHS = [64, 61, 3, 4099];

function norms(backend: Backend, d: number): Tensor[] {
  const make = (rows: number, seed: number) =>
    backend.fromArray(randomValues(rows * d, seed), [rows, d], `seed ${seed}`);
  const [hidden_states, grad_output, output] = [make(ROWS, 1), make(ROWS, 2), make(ROWS, 3)];
  const weight = backend.fromArray(randomValues(d, 4), [d], 'weight');
  const factors = backend.empty([ROWS, 1], 'factors');
  const grad_input = make(ROWS, 5);
  const common = { hidden_states, normalized_size: d, eps: 1e-5 };
  backend.rms_norm({ ...common, weight, output });
  backend.rms_scale({ ...common, output: factors });
  backend.rms_norm_backward({ ...common, weight, grad_output, grad_input, accumulate: true });
  return [output, factors, grad_input];
}

function attention(backend: Backend, window: number | undefined): Tensor[] {
  const seqlen = 70;
  const sizes = { seqlen, heads: 4, kv_heads: 2, head_dim: 8, scale: 0.3, window };
  const make = (columns: number, seed: number) =>
    backend.fromArray(randomValues(2 * seqlen * columns, seed), [2 * seqlen, columns], `seed ${seed}`);
  const [query, key, value, grad_output] = [make(32, 1), make(16, 2), make(16, 3), make(32, 4)];
  const [output, grad_query, grad_key, grad_value] = [make(32, 5), make(32, 6), make(16, 7), make(16, 8)];
  const tensors = { query, key, value, output };
  backend.attention({ ...tensors, ...sizes });
  backend.attention_backward({ ...tensors, grad_output, grad_query, grad_key, grad_value, ...sizes });
  return [output, grad_query, grad_key, grad_value];
}

const CASES: { name: string; outputs(backend: Backend): Tensor[] }[] = [
  ...TRAINING_CASES,
  ...WIDTHS.map((d) => ({ name: `norms of ${d}`, outputs: (backend: Backend) => norms(backend, d) })),
  ...[undefined, 33].map((window) => ({
    name: `attention, window ${window}`,
    outputs: (backend: Backend) => attention(backend, window),
  })),
];

describe('kernels', () => {
  // One crew for all: to start a thread takes longer than any case.
  let shared: Backend;
  beforeAll(async () => {
    shared = createWasmBackend(await createNodeCrew(1));
  });
  afterAll(() => shared.dispose());

  it.each(CASES)('$name', ({ outputs }) => {
    const own = outputs(createWasmBackend()).map((tensor) => Float32Array.from(floats(tensor)));
    const tensors = outputs(shared);
    expect(tensors.map((tensor) => Float32Array.from(floats(tensor)))).toEqual(own);
    expect(own.flatMap((values) => [...values]).some((value) => value !== 0 && Number.isFinite(value))).toBe(true);
    for (const tensor of tensors) tensor.dispose();
  });
});

describe('stretches', () => {
  it.each([1, 4, 7, 4096, 4097, 4101, 9003])('of %i elements are whole vectors, but for the last', (end) => {
    const counts: number[] = [];
    for (let at = 0; at < end; at += counts[counts.length - 1]) counts.push(stretch(at, end));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(end);
    expect(counts.slice(0, -1).every((count) => count % 4 === 0)).toBe(true);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4096);
  });
});
