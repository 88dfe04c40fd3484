/** Every kernel that this backend does not share with the f64 reference, against it, on one and on three threads. */
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import type { ActivationName, AttentionArgs, Backend, Tensor } from '../backend.ts';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { choleskySolve } from '../linalg/cholesky.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { inverseFactor } from '../linalg/inverse_factor.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { hasFusedMultiplyAdd } from '../linalg/tile_kernel.ts';
import { maxAbsDifference, normalisedError, randomIds, randomValues } from '../testing.ts';
import { TRAINING_CASES } from '../training_cases.ts';
import { type Crew, createCrew } from './crew.ts';
import { createNodeCrew } from './testing.ts';
import { BEATS, CLAIM, Control, DONE, FAILED, Threads } from './threads.ts';
import { createWasmBackend } from './wasm_backend.ts';

const crew = await createNodeCrew(2);
afterAll(() => {
  for (const [, backend] of BACKENDS) backend.dispose();
});

const reference = createCpuBackend();
const BACKENDS: [name: string, backend: Backend][] = [
  ['one thread', createWasmBackend()],
  ['three threads', createWasmBackend(crew)],
];

/** Squared relative error of sums in f32: (2⁻²⁴·√n)² with room. */
const BOUND = 1e-12;

describe.each(BACKENDS)('on %s', (_, backend) => {
  async function expectTwin(calls: (backend: Backend) => Tensor, bound = BOUND): Promise<void> {
    const found = await backend.read(calls(backend));
    const expected = await reference.read(calls(reference));
    expect(normalisedError(found, expected)).toBeLessThan(bound);
  }

  const tensor = (b: Backend, shape: [number, number], seed: number) =>
    b.fromArray(randomValues(shape[0] * shape[1], seed), shape, `seed ${seed}`);

  // m, n, k, then by how much the operands are larger than their use. The last two are shared by the threads.
  const SHAPES = [
    [1, 1, 1, 0],
    [7, 13, 5, 3],
    [66, 70, 65, 2],
    [3, 1100, 400, 1],
    [300, 90, 130, 0],
    [90, 300, 130, 5],
  ] as const;

  it.each(SHAPES)('multiplies to (%i, %i) over %i, operands larger by %i', async (m, n, k, more) => {
    await expectTwin((b) => {
      const output = b.fromArray(randomValues(m * n, 9), [m, n], 'output');
      b.matmul({ a: tensor(b, [m, k], 1), b: tensor(b, [k, n + more], 2), output });
      return output;
    });
    await expectTwin((b) => {
      const output = b.empty([m, n], 'output');
      b.matmul_bt({ a: tensor(b, [m, k], 1), b: tensor(b, [n + more, k + more], 2), output });
      return output;
    });
    await expectTwin((b) => {
      const output = b.empty([m, n], 'output');
      b.matmul_at({ a: tensor(b, [k, m + more], 1), b: tensor(b, [k, n + more], 2), output });
      return output;
    });
  });

  it.each([1, 5, 64, 130, 261])('sums covariances of %i channels in f64 and leaves the lower triangle', async (n) => {
    const sums = async (b: Backend) => {
      const covariance = b.fromArray(new Float32Array(n * n).fill(7), [n, n], 'covariance');
      for (const seed of [3, 4]) b.covariance({ hidden_states: tensor(b, [70, n], seed), covariance });
      return b.read(covariance);
    };
    const [found, expected] = [await sums(backend), await sums(reference)];
    expect(found).toBeInstanceOf(Float64Array);
    expect(normalisedError(found, expected)).toBeLessThan(1e-29);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(found[i * n + j]).toBe(7);
  });

  const ATTENTION: Partial<AttentionArgs>[] = [
    {},
    { window: 5 },
    { window: 70 },
    { window: 1000 },
    { soft_cap: 2 },
    { window: 33, soft_cap: 3 },
  ];

  describe.each([1, 2, 63, 64, 65, 140])('attention over %i positions', (seqlen) => {
    const [batch, heads, kv_heads, head_dim] = [2, 6, 2, 12];
    const rows = batch * seqlen;
    it.each(ATTENTION)('%o', async (options) => {
      for (const hasSlopes of [false, true]) {
        await expectTwin((b) => {
          const output = b.fromArray(randomValues(rows * heads * head_dim, 8), [rows, heads * head_dim], 'output');
          const slopes = b.fromArray([0.5, 0.25, 0.125, 0.06, 0.03, 0.01], [heads], 'slopes');
          b.attention({
            query: tensor(b, [rows, heads * head_dim], 5),
            key: tensor(b, [rows, kv_heads * head_dim], 6),
            value: tensor(b, [rows, kv_heads * head_dim], 7),
            output,
            ...{ seqlen, heads, kv_heads, head_dim, scale: 3 },
            slopes: hasSlopes ? slopes : undefined,
            ...options,
          });
          return output;
        }, 1e-11);
      }
    });
  });

  const ACTIVATIONS: ActivationName[] = ['silu', 'relu', 'gelu', 'gelu_tanh'];
  it.each(ACTIVATIONS)('%s, gated and plain', async (activation) => {
    const shape: [number, number] = [301, 409];
    const wide = (b: Backend, seed: number) =>
      b.fromArray(
        randomValues(shape[0] * shape[1], seed).map((value) => 30 * value),
        shape,
        'gate',
      );
    await expectTwin((b) => {
      const output = b.empty(shape, 'output');
      b.glu({ activation, gate: wide(b, 10), up: tensor(b, shape, 11), output });
      return output;
    });
    await expectTwin((b) => {
      const output = b.empty(shape, 'output');
      b.activation({ activation, hidden_states: wide(b, 10), output });
      return output;
    });
  });

  it.each([1, 3, 4100, 9000])('cross-entropy in blocks of %i of the vocabulary', async (n) => {
    const rows = 37;
    await expectTwin((b) => {
      const state = b.empty([rows, 4], 'state');
      const target_ids = b.fromIds(randomIds(rows, 2 * n, 12), 'targets');
      for (const [i, first_column] of [0, n].entries()) {
        const logits = b.fromArray(
          randomValues(rows * n, 13 + i).map((value) => 20 * value),
          [rows, n],
          'logits',
        );
        b.cross_entropy({ logits, target_ids, first_column, state });
      }
      return state;
    });
  });

  it.each(TRAINING_CASES)('$name', async ({ outputs }) => {
    const [found, expected] = [outputs(backend), outputs(reference)];
    for (const [i, tensor] of found.entries()) {
      expect(normalisedError(await backend.read(tensor), await reference.read(expected[i]))).toBeLessThan(1e-11);
    }
  });

  it('lets NaN through products, softmax and gates', async () => {
    const a = backend.fromArray([Number.NaN, 1, 1, 1], [2, 2], 'a');
    const output = backend.empty([2, 2], 'output');
    backend.matmul({ a, b: tensor(backend, [2, 2], 1), output });
    expect([...(await backend.read(output))].map(Number.isNaN)).toEqual([true, true, false, false]);
    backend.glu({ activation: 'silu', gate: a, up: tensor(backend, [2, 2], 1), output });
    expect([...(await backend.read(output))].map(Number.isNaN)).toEqual([true, false, false, false]);
    const state = backend.empty([2, 4], 'state');
    backend.cross_entropy({ logits: a, target_ids: backend.fromIds([0, 0], 'ids'), first_column: 0, state });
    const found = await backend.read(state);
    expect([found[1], found[5]].map(Number.isNaN)).toEqual([true, false]);
  });

  it.each(['F32', 'F16', 'BF16'] as const)('decodes %s into memory of its own', async (dtype) => {
    const bytes = new Uint8Array(dtype === 'F32' ? 16 : 8);
    const stored = backend.decode(bytes, dtype, [2, 2], 'weight');
    bytes.fill(1);
    expect([...(await backend.read(stored))]).toEqual([0, 0, 0, 0]);
  });

  it('gives as many eigenvectors as are wanted, of the largest eigenvalues, and all eigenvalues', async () => {
    const n = 40;
    const covariance = backend.empty([n, n], 'covariance');
    backend.covariance({ hidden_states: tensor(backend, [90, n], 20), covariance });
    const all = await backend.eigh({ covariance });
    const some = await backend.eigh({ covariance, wanted: 11 });
    expect(some.eigenvectors.shape).toEqual([n, 11]);
    expect([...some.eigenvalues]).toEqual([...all.eigenvalues]);
    const [Q, first] = [await backend.read(all.eigenvectors), await backend.read(some.eigenvectors)];
    expect([...first]).toEqual([...first.keys()].map((at) => Q[Math.floor(at / 11) * n + (at % 11)]));
    for (const wanted of [0, 41, 1.5]) {
      await expect(backend.eigh({ covariance, wanted })).rejects.toMatchObject({ code: 'kernel_shape' });
    }
  });

  it('gives eigenvectors that are orthonormal to f32', async () => {
    const n = 40;
    const covariance = backend.empty([n, n], 'covariance');
    backend.covariance({ hidden_states: tensor(backend, [90, n], 20), covariance });
    const { eigenvalues, eigenvectors } = await backend.eigh({ covariance });
    const found = await reference.eigh({
      covariance: reference.fromArray(await backend.read(covariance), [n, n], 'same'),
    });
    expect(maxAbsDifference(eigenvalues, found.eigenvalues)).toBeLessThan(n * 2 ** -52 * found.eigenvalues[0]);
    const Q = await backend.read(eigenvectors);
    expect(maxAbsDifference(Q, await reference.read(found.eigenvectors))).toBeLessThan(2 ** -24);
    // The same bits, but where the engine has fused multiply-add (relaxed SIMD), which the reference never uses.
    if (!hasFusedMultiplyAdd('f64')) {
      expect([...eigenvalues]).toEqual([...found.eigenvalues]);
      expect([...Q]).toEqual([...new Float32Array(await reference.read(found.eigenvectors))]);
    }
    const products = Float64Array.from({ length: n * n }, (_, at) => {
      let sum = 0;
      for (let row = 0; row < n; row++) sum += Q[row * n + Math.floor(at / n)] * Q[row * n + (at % n)];
      return sum - (Math.floor(at / n) === at % n ? 1 : 0);
    });
    expect(maxAbsDifference(products, new Float64Array(n * n))).toBeLessThan(2 ** -22);
  });
});

describe('memory', () => {
  it('is counted at 4 bytes an element, and at 8 once a tensor is a covariance', () => {
    const backend = createWasmBackend();
    const covariance = backend.empty([4, 4], 'covariance');
    const x = backend.empty([3, 4], 'x');
    expect(backend.memory.currentBytes).toBe(4 * (16 + 12));
    backend.covariance({ hidden_states: x, covariance });
    expect(backend.memory.currentBytes).toBe(8 * 16 + 4 * 12);
    covariance.dispose();
    x.dispose();
    expect(backend.memory.currentBytes).toBe(0);
  });
});

describe('threads', () => {
  const product = async (on: Backend, size = 130) => {
    const [a, b] = [1, 2].map((seed) => on.fromArray(randomValues(size * size, seed), [size, size], `${seed}`));
    const output = on.empty([size, size], 'output');
    on.matmul({ a, b, output });
    const values = await on.read(output);
    for (const tensor of [a, b, output]) tensor.dispose();
    return values;
  };

  it('all take part', async () => {
    const { words } = new Control(crew.heap.memory, crew.control);
    const [, [, backend]] = BACKENDS;
    let done = 0;
    for (let attempt = 0; attempt < 200 && done === 0; attempt++) {
      await product(backend, 400);
      done = Atomics.load(words, DONE);
    }
    expect(done).toBeGreaterThan(0);
  });

  it('hear what the browser asks of every thread, also while there is nothing to do', async () => {
    await Promise.all(crew.threads.map((thread) => thread.answer()));
    await Promise.all(crew.threads.map((thread) => thread.answer()));
  });

  it('that never come cost time and not the job', async () => {
    const alone = await createCrew(2, async () => ({ terminate() {} }));
    const backend = createWasmBackend(alone);
    expect(normalisedError(await product(backend), await product(reference))).toBeLessThan(BOUND);
  });

  it('make a failure of another thread an error here', async () => {
    const alone = (await createCrew(1, async () => ({ terminate() {} }))) as Crew;
    const { words } = new Control(alone.heap.memory, alone.control);
    const threads = new Threads(alone);
    const gate = alone.heap.floats(8);
    const fail = () => Atomics.add(words, FAILED, 1);
    // Between the first range and the second, another thread reports a failure.
    const task = {
      activation: 'relu',
      gate,
      output: alone.heap.floats(8),
      get up() {
        fail();
        return undefined;
      },
    } as const;
    expect(() => threads.run('activation', task, [0, 4, 8])).toThrowError(
      expect.objectContaining({ code: 'internal' }),
    );
  });

  // Torn into parts; and with products of ranges that are summed apart.
  it.each([330, 905])('leave no trace in the bits of an eigendecomposition, nor in memory, n = %i', async (n) => {
    const samples = Float64Array.from(randomValues(40 * n, n));
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) matrix[i * n + i] = i % 3;
    addProduct(n, n, 40, transposed(view(samples, n)), view(samples, n), view(matrix, n), true);
    const before = crew.heap.usedBytes;
    const [alone, shared] = await Promise.all(
      BACKENDS.map(([, backend]) => symmetricEigen(matrix, n, undefined, backend.addProduct)),
    );
    expect(shared.eigenvalues).toEqual(alone.eigenvalues);
    expect(Buffer.from(shared.eigenvectors.buffer).equals(Buffer.from(alone.eigenvectors.buffer))).toBe(true);
    expect(crew.heap.usedBytes).toBe(before);
  });

  it('leave none in factors, inverses and what is solved with them', async () => {
    const n = 330;
    const samples = Float64Array.from(randomValues(n * n, 3));
    const matrix = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
    addProduct(n, n, n, transposed(view(samples, n)), view(samples, n), view(matrix, n));
    const before = crew.heap.usedBytes;
    const [alone, shared] = await Promise.all(
      BACKENDS.map(async ([, { addProduct: multiply }]) => [
        await choleskySolve(matrix, samples, n, n, { multiply }),
        await inverseFactor(matrix.slice(), n, { multiply }),
      ]),
    );
    for (const [i, values] of shared.entries()) {
      expect(Buffer.from(values.buffer).equals(Buffer.from(alone[i].buffer))).toBe(true);
    }
    expect(crew.heap.usedBytes).toBe(before);
  });

  it('solve large systems by deeper panels, to the last digits', async () => {
    const [n, columns, rank] = [2090, 3, 24];
    const samples = Float64Array.from(randomValues(rank * n, 5));
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) matrix[i * n + i] = 1 + (i % 7);
    addProduct(n, n, rank, transposed(view(samples, n)), view(samples, n), view(matrix, n));
    const right = Float64Array.from(randomValues(n * columns, 6));
    const x = await choleskySolve(matrix, right, n, columns, { multiply: BACKENDS[1][1].addProduct });
    const product = new Float64Array(n * columns);
    addProduct(n, columns, n, view(matrix, n), view(x, columns), view(product, columns));
    const worst = product.reduce((most, value, i) => Math.max(most, Math.abs(value - right[i])), 0);
    expect(worst).toBeLessThan(1e-10);
  });

  /** Two ranges, of which another thread takes the second while this one does the first. */
  async function withOneTaken(onTaken: (words: Int32Array) => void, patience_ms = 60) {
    const alone = (await createCrew(1, async () => ({ terminate() {} }))) as Crew;
    const { words } = new Control(alone.heap.memory, alone.control);
    const threads = new Threads(alone, undefined, patience_ms);
    let reads = 0;
    const task = {
      activation: 'relu',
      gate: alone.heap.floats(8),
      output: alone.heap.floats(8),
      get up() {
        // Read as the task is written down, and by the range that this thread does.
        if (++reads === 2) {
          Atomics.add(words, CLAIM, 1);
          onTaken(words);
        }
        return undefined;
      },
    } as const;
    return { words, run: (...bounds: number[]) => threads.run('activation', task, bounds) };
  }

  it('that stop with a range are known, and nothing is computed in their memory any more', async () => {
    const { run } = await withOneTaken(() => {});
    const begun = performance.now();
    const isStalled = expect.objectContaining({ code: 'engine_stalled' });
    expect(() => run(0, 4, 8)).toThrowError(isStalled);
    expect(performance.now() - begun).toBeGreaterThan(60);
    expect(() => run(0, 8)).toThrowError(isStalled);
  });

  it('that are slow but beat are waited for', async () => {
    const code = `const { parentPort } = require('node:worker_threads');
      parentPort.once('message', ({ words, beats, done }) => {
        parentPort.postMessage('ready');
        Atomics.wait(words, done + 1, 0);
        for (let i = 0; i < 50; i++) {
          Atomics.add(words, beats, 1);
          Atomics.wait(words, done + 1, 1, 15);
        }
        Atomics.add(words, done, 1);
      });`;
    const slow = new Worker(code, { eval: true });
    // Many beats long, so that a busy machine may keep the other from some of them.
    const patience_ms = 500;
    const { words, run } = await withOneTaken((control) => {
      // Beside the count of ranges that are done: a word that nobody else uses.
      Atomics.store(control, DONE + 1, 1);
      Atomics.notify(control, DONE + 1);
    }, patience_ms);
    slow.postMessage({ words, beats: BEATS, done: DONE });
    await new Promise((resolve) => slow.once('message', resolve));
    const begun = performance.now();
    run(0, 4, 8);
    expect(performance.now() - begun).toBeGreaterThan(patience_ms);
    await slow.terminate();
  });

  it('end with the backend', () => {
    let ended = 0;
    createWasmBackend({ ...crew, threads: [{ terminate: () => ended++ }] }).dispose();
    expect(ended).toBe(1);
  });
});
