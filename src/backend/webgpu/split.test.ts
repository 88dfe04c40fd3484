/** Matrices in parts: every kernel that may meet one, on a device that binds little, against its f64 twin. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { createNodeGpu, createNodeWebGpuBackend, normalisedError, randomValues } from '../testing.ts';
import { isSplit } from './split.ts';
import type { WebGpuBackend } from './webgpu_backend.ts';

/** 64 rows of 200 columns, or 128 of 100. */
const LIMIT = 4 * 64 * 200;
/** As squares of n = 8,192 are four times too large for the default binding, those of 200 are here, with a tail. */
const [ROWS, N, K] = [150, 200, 190];

const gpu = await createNodeGpu();

describe.skipIf(!gpu)('matrices that exceed a binding', () => {
  let small: WebGpuBackend;
  const cpu = createCpuBackend();
  beforeAll(async () => {
    small = (await createNodeWebGpuBackend({ maxTensorBytes: LIMIT })) as WebGpuBackend;
  });
  afterAll(() => small.dispose());

  const random = (backend: Backend, rows: number, columns: number, seed: number) =>
    backend.fromArray(randomValues(rows * columns, seed), [rows, columns], `random ${seed}`);
  const row = (backend: Backend, columns: number, seed: number) =>
    backend.fromArray(randomValues(columns, seed), [columns], `row ${seed}`);

  /** Runs the calls on both backends; their result, and the tensors in `parts`, must be in parts on WebGPU. */
  async function compare(calls: (backend: Backend) => { result: Tensor; parts?: Tensor[] }): Promise<number> {
    const { result, parts = [result] } = calls(small);
    for (const tensor of parts) expect(isSplit(tensor), tensor.label).toBe(true);
    return normalisedError(await small.read(result), await cpu.read(calls(cpu).result));
  }

  const products = {
    matmul: { a: [ROWS, K], b: [K, N] },
    matmul_bt: { a: [ROWS, K], b: [N, K] },
    matmul_at: { a: [K, ROWS], b: [K, N] },
  } as const;
  for (const [name, { a: aShape, b: bShape }] of Object.entries(products)) {
    it(`${name}: each operand and the output`, async () => {
      const error = await compare((backend) => {
        const a = random(backend, aShape[0], aShape[1], 1);
        const b = random(backend, bShape[0], bShape[1], 2);
        const output = backend.empty([ROWS, N], 'output');
        backend[name as keyof typeof products]({ a, b, output });
        return { result: output, parts: [a, b, output] };
      });
      expect(error).toBeLessThan(1e-12);
    });

    it(`${name}: leading rows and columns of a larger operand, odd sizes`, async () => {
      const [m, n, k] = [131, 77, 67];
      const sizes = { matmul: [m, k, k, 197], matmul_bt: [m, k, 201, 197], matmul_at: [k, 195, k, 197] }[
        name
      ] as number[];
      const error = await compare((backend) => {
        const a = random(backend, sizes[0], sizes[1], 3);
        const b = random(backend, sizes[2], sizes[3], 4);
        const output = backend.empty([m, n], 'output');
        backend[name as keyof typeof products]({ a, b, output });
        return { result: output, parts: [b] };
      });
      expect(error).toBeLessThan(1e-12);
    });
  }

  it('products are added to an output in parts, each factor and each row once', async () => {
    for (const [name, { a: aShape, b: bShape }] of Object.entries(products)) {
      const error = await compare((backend) => {
        const a = random(backend, aShape[0], aShape[1], 1);
        const b = random(backend, bShape[0], bShape[1], 2);
        const output = random(backend, ROWS, N, 3);
        const states = random(backend, ROWS, N, 4);
        const factors = { row_scale: random(backend, ROWS, 1, 5), gate: { states, activation: 'gelu' } } as const;
        const kernel = name as keyof typeof products;
        backend[kernel]({ a, b, output, accumulate: true, ...(kernel === 'matmul_bt' && factors) });
        return { result: output, parts: [a, b, output, states] };
      });
      expect(error, name).toBeLessThan(1e-12);
    }
  });

  it('rms_scale of rows in parts', async () => {
    const scales = async (backend: Backend) => {
      const output = backend.empty([ROWS, 1], 'row_scale');
      const hidden_states = random(backend, ROWS, N, 1);
      backend.rms_scale({ hidden_states, eps: 1e-5, normalized_size: N, output });
      return backend.read(output);
    };
    expect(normalisedError(await scales(small), await scales(cpu))).toBeLessThan(1e-12);
  });

  it('matmul_bt of few rows with a head in parts', async () => {
    const error = await compare((backend) => {
      const a = random(backend, 3, N, 5);
      const b = random(backend, 300, N, 6);
      const output = backend.empty([3, 300], 'logits');
      backend.matmul_bt({ a, b, output });
      return { result: output, parts: [b] };
    });
    expect(error).toBeLessThan(1e-12);
  });

  const rowWise: Record<string, (backend: Backend, x: Tensor, output: Tensor) => Tensor> = {
    rms_norm: (backend, x, output) => {
      backend.rms_norm({ hidden_states: x, weight: row(backend, N, 8), eps: 1e-5, normalized_size: N, output });
      return output;
    },
    layer_norm: (backend, x, output) => {
      backend.layer_norm({ hidden_states: x, weight: row(backend, N, 8), bias: row(backend, N, 9), eps: 1e-5, output });
      return output;
    },
    add_bias: (backend, x) => {
      backend.add_bias({ hidden_states: x, bias: row(backend, N, 8) });
      return x;
    },
    glu: (backend, x, output) => {
      backend.glu({ activation: 'silu', gate: x, up: random(backend, ROWS, N, 9), output });
      return output;
    },
    activation: (backend, x, output) => {
      backend.activation({ activation: 'gelu', hidden_states: x, output });
      return output;
    },
    scale: (backend, x) => {
      backend.scale({ hidden_states: x, factor: 3 });
      return x;
    },
    soft_cap: (backend, x) => {
      backend.soft_cap({ hidden_states: x, cap: 0.5 });
      return x;
    },
    xielu: (backend, x, output) => {
      backend.xielu({ hidden_states: x, alpha_p: 0.7, alpha_n: 0.9, beta: 0.4, eps: -0.1, output });
      return output;
    },
    clip: (backend, x) => {
      backend.clip({ hidden_states: x, limit: 0.5 });
      return x;
    },
    quantize_rows: (backend, x, output) => {
      backend.quantize_rows({ hidden_states: x, levels: 2 ** 20, output });
      return output;
    },
    quantize_columns: (backend, x, output) => {
      const [scale, zero] = [1 / 1024, 1024].map((value) =>
        backend.fromArray(new Float32Array(N).fill(value), [N], 'g'),
      );
      backend.quantize_columns({ hidden_states: x, scale, zero, levels: 2047, output });
      return output;
    },
    add: (backend, x, output) => {
      backend.add({ a: x, b: random(backend, ROWS, N, 9), output });
      backend.add({ a: output, b: x, output });
      return output;
    },
    copy: (backend, x, output) => {
      backend.copy(x, output);
      return output;
    },
    scale_columns: (backend, x, output) => {
      backend.scale_columns({ weight: x, scale: row(backend, N, 8), output });
      return output;
    },
    center_rows: (backend, x) => {
      backend.center_rows({ hidden_states: x });
      return x;
    },
    center_columns: (backend, x) => {
      backend.center_columns({ weight: x });
      return x;
    },
    rotary: (backend, x) => {
      const [cos, sin] = [random(backend, 32, 10, 8), random(backend, 32, 10, 9)];
      backend.rotary({ states: x, cos, sin, seqlen: 32, heads: 10, head_dim: 20 });
      return x;
    },
  };
  it.each(Object.keys(rowWise))('%s, block by block', async (name) => {
    const rows = name === 'rotary' ? 160 : ROWS;
    const error = await compare((backend) => {
      const x = random(backend, rows, N, 7);
      return { result: rowWise[name](backend, x, backend.empty([rows, N], 'output')) };
    });
    expect(error).toBeLessThan(1e-11);
  });

  it('looks rows up in a table in parts, into an output in parts', async () => {
    const error = await compare((backend) => {
      const weight = random(backend, 300, N, 13);
      const output = backend.empty([ROWS, N], 'output');
      const ids = Uint32Array.from({ length: ROWS }, (_, i) => (i * 71) % 300);
      backend.embedding({ input_ids: backend.fromIds(ids, 'ids'), weight, first_row: 0, output });
      return { result: output, parts: [weight, output] };
    });
    expect(error).toBe(0);
  });

  it('decodes stored types by rows', async () => {
    const bytes = new Uint8Array(Uint16Array.from({ length: ROWS * N }, (_, i) => 0x3c00 + (i % 997)).buffer);
    for (const dtype of ['F16', 'BF16'] as const) {
      expect(await compare((backend) => ({ result: backend.decode(bytes, dtype, [ROWS, N], 'stored') }))).toBe(0);
    }
  });

  it('counts what is not finite in every part', async () => {
    const values = randomValues(ROWS * N, 1);
    values[3] = Number.NaN;
    values[ROWS * N - 1] = Number.POSITIVE_INFINITY;
    const tensor = small.fromArray(values, [ROWS, N], 'spoilt');
    const counts = small.emptyIds(1, 'counts');
    small.count_non_finite({ tensor, counts, index: 0 });
    expect(isSplit(tensor)).toBe(true);
    expect(await small.read(counts)).toEqual(Float64Array.of(2));
  });

  it('sums and decomposes a covariance', async () => {
    const pca = async (backend: Backend) => {
      const covariance = backend.empty([N, N], 'covariance');
      backend.covariance({ hidden_states: random(backend, 100, N, 11), covariance });
      backend.covariance({ hidden_states: random(backend, ROWS, N, 12), covariance });
      return { covariance, ...(await backend.eigh({ covariance })) };
    };
    const [found, expected] = [await pca(small), await pca(cpu)];
    expect(isSplit(found.covariance)).toBe(true);
    const upper = async (backend: Backend, tensor: Tensor) =>
      (await backend.read(tensor)).filter((_, i) => i % N >= Math.floor(i / N));
    expect(normalisedError(await upper(small, found.covariance), await upper(cpu, expected.covariance))).toBeLessThan(
      1e-12,
    );
    expect(normalisedError(found.eigenvalues, expected.eigenvalues)).toBeLessThan(1e-12);
    expect(normalisedError(await small.read(found.eigenvectors), await cpu.read(expected.eigenvectors))).toBeLessThan(
      1e-6,
    );
  });

  it('frees every part, and says so where a kernel cannot take parts', async () => {
    const before = small.memory.currentBytes;
    const x = small.empty([ROWS, N], 'states');
    expect(small.memory.currentBytes - before).toBeGreaterThanOrEqual(4 * ROWS * N);
    const sizes = { seqlen: ROWS, heads: 1, kv_heads: 1, head_dim: N, scale: 1 };
    const output = small.empty([ROWS, N], 'output');
    expect(() => small.attention({ query: x, key: x, value: x, output, ...sizes })).toThrow(/whole|exceeds/);
    x.dispose();
    output.dispose();
    expect(small.memory.currentBytes).toBe(before);
  });
});
