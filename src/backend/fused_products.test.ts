/** Products with what they do while they store: each backend against the f64 reference doing one thing after the other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationName, Backend, Tensor } from './backend.ts';
import { createCpuBackend } from './cpu/cpu_backend.ts';
import { backendsUnderTest, isFull, normalisedError, randomValues } from './testing.ts';
import { createNodeCrew } from './wasm/testing.ts';
import { createWasmBackend } from './wasm/wasm_backend.ts';

/** [m, k, n]. */
const SHAPES = [
  [1, 1, 1],
  [7, 13, 5],
  [3, 8, 4],
  [66, 34, 130], // no multiples of 4
  [70, 36, 124], // wide tiles with tails
  [300, 20, 1036], // more rows and columns than a block of the CPU's products; shared by threads in ranges of columns
  [2, 400, 300], // more steps than a block
  [130, 100, 90], // shared by threads in ranges of rows
] as const;

const ACTIVATIONS: readonly ActivationName[] = ['silu', 'relu', 'gelu', 'gelu_tanh'];

interface Options {
  accumulate?: boolean;
  scaled?: boolean;
  activation?: ActivationName;
}

const FACTORS: readonly Options[] = [
  { accumulate: true },
  { scaled: true },
  ...ACTIVATIONS.map((activation) => ({ activation })),
  { scaled: true, activation: 'silu' },
  { accumulate: true, scaled: true, activation: 'gelu' },
];

const random = (backend: Backend, rows: number, columns: number, seed: number) =>
  backend.fromArray(randomValues(rows * columns, seed), [rows, columns], `random ${seed}`);

/** The operands of a product, of leading rows and columns of b. */
function operands(backend: Backend, [m, k, n]: (typeof SHAPES)[number]) {
  return {
    a: random(backend, m, k, 1),
    b: random(backend, n + 3, k + 4, 2),
    output: random(backend, m, n, 3),
    row_scale: random(backend, m, 1, 4),
    states: random(backend, m, n, 5),
  };
}

function fused(backend: Backend, shape: (typeof SHAPES)[number], { accumulate, scaled, activation }: Options): Tensor {
  const { a, b, output, row_scale, states } = operands(backend, shape);
  const gate = activation && { states, activation };
  backend.matmul_bt({ a, b, output, accumulate, row_scale: scaled ? row_scale : undefined, gate });
  return output;
}

describe.each([
  ...(await backendsUnderTest()),
  { kind: 'wasm on three threads', create: async () => createWasmBackend(await createNodeCrew(2)) },
])('products on $kind', ({ kind, create }) => {
  const reference = createCpuBackend();
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  /** One kernel after the other; scaled rows are made of rows times a diagonal matrix. */
  async function separate(shape: (typeof SHAPES)[number], { accumulate, scaled, activation }: Options) {
    const [m, , n] = shape;
    const { a, b, output, row_scale, states } = operands(reference, shape);
    let product = reference.empty([m, n], 'product');
    reference.matmul_bt({ a, b, output: product });
    if (scaled) {
      const scale = await reference.read(row_scale);
      const values = (await reference.read(product)).map((x: number, i: number) => x * scale[Math.floor(i / n)]);
      product = reference.fromArray(values, [m, n], 'scaled');
    }
    if (activation) {
      const gated = reference.empty([m, n], 'gated');
      reference.glu({ activation, gate: states, up: product, output: gated });
      product = gated;
    }
    if (!accumulate) return reference.read(product);
    reference.add({ a: output, b: product, output });
    return reference.read(output);
  }

  // A shader is compiled for each set of factors and tile; activations differ in one line of it.
  const factors = FACTORS.filter(
    ({ scaled, activation }) => kind !== 'webgpu' || isFull || scaled || activation !== 'relu',
  );
  it.each(factors)('matmul_bt with %o', async (options) => {
    for (const shape of SHAPES) {
      const found = await backend.read(fused(backend, shape, options));
      expect(normalisedError(found, await separate(shape, options)), `${shape}`).toBeLessThan(1e-12);
    }
  });

  it('matmul and matmul_at are added to their output', async () => {
    for (const [m, k, n] of SHAPES) {
      for (const name of ['matmul', 'matmul_at'] as const) {
        const run = (on: Backend, accumulate: boolean) => {
          const a = name === 'matmul' ? random(on, m, k, 1) : random(on, k, m + 4, 1);
          const [b, output] = [random(on, k, n + 4, 2), random(on, m, n, 3)];
          on[name]({ a, b, output, accumulate });
          return on.read(output);
        };
        const before = await reference.read(random(reference, m, n, 3));
        const expected = (await run(reference, false)).map((x: number, i: number) => x + before[i]);
        expect(normalisedError(await run(backend, true), expected), `${name} ${m} ${k} ${n}`).toBeLessThan(1e-12);
      }
    }
  });

  it('rms_scale and row_scale are an RMSNorm of the input', async () => {
    for (const [m, k, n] of SHAPES) {
      // Rows of very different sizes, and one of zeros, which eps keeps finite.
      const values = randomValues(m * k, 6).map((x, i) => x * 10 ** ((Math.floor(i / k) % 7) - 3));
      if (m > 1) values.fill(0, 0, k);
      const sizes = { eps: 1e-5, normalized_size: k + 3 };
      const inputs = (on: Backend) => ({
        hidden_states: on.fromArray(values, [m, k], 'x'),
        b: random(on, n, k, 7),
        output: on.empty([m, n], 'output'),
      });
      const { hidden_states, b, output } = inputs(backend);
      const row_scale = backend.empty([m, 1], 'row_scale');
      backend.rms_scale({ hidden_states, ...sizes, output: row_scale });
      backend.matmul_bt({ a: hidden_states, b, output, row_scale });
      const expected = inputs(reference);
      const normed = reference.empty([m, k], 'normed');
      reference.rms_norm({ hidden_states: expected.hidden_states, ...sizes, output: normed });
      reference.matmul_bt({ a: normed, b: expected.b, output: expected.output });
      const error = normalisedError(await backend.read(output), await reference.read(expected.output));
      expect(error, `${m} ${k} ${n}`).toBeLessThan(1e-12);
    }
  });
});
