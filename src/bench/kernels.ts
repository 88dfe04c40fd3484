/**
 * @file Every kernel of the backend at the shapes of SmolLM2-135M (hidden 576, intermediate 1536, 9 heads, 3 key-value
 * heads of 64) on one window of 256 tokens; fused products stand beside the kernels whose work they do.
 */
import type { Backend, Tensor } from '../backend/backend.ts';
import { randomNumbers } from '../backend/matrix_families.ts';
import type { Shape } from '../tensor/shape.ts';
import type { KernelFigure } from './figures.ts';
import { medianMs } from './timing.ts';

const T = 256;
const D = 576;
const F = 1536;
const HEAD_DIM = 64;
const HEADS = 9;
const KV_HEADS = 3;
const VOCAB_BLOCK = 4096;

/** What a product and its neighbour compute, as two kernels or as one. */
const RESIDUAL = `${T}×${D} += ${T}×${D}·(${D}×${D})ᵀ`;
const GATED = `silu(${T}×${F}) ⊙ ${T}×${D}·(${F}×${D})ᵀ`;
const NORMED = `norm(${T}×${D})·(${D}×${D})ᵀ`;

interface Timed {
  /** For people. */
  shape: string;
  run: () => void;
  /** Multiply-adds of one call, where they are the work. */
  multiplyAdds?: number;
}

/** Makes the operands of a kernel. */
type Case = (make: Make, backend: Backend) => Timed;

interface Make {
  (...shape: Shape): Tensor;
  ids(length: number, limit: number): Tensor;
}

const CASES: Record<string, Case> = {
  embedding: (make, backend) => {
    const args = {
      input_ids: make.ids(T, VOCAB_BLOCK),
      weight: make(VOCAB_BLOCK, D),
      first_row: 0,
      output: make(T, D),
    };
    return { shape: `${T} tokens, table ${VOCAB_BLOCK}×${D}`, run: () => backend.embedding(args) };
  },
  rms_norm: (make, backend) => {
    const args = { hidden_states: make(T, D), weight: make(D), eps: 1e-5, normalized_size: D, output: make(T, D) };
    return { shape: `${T}×${D}`, run: () => backend.rms_norm(args) };
  },
  rms_scale: (make, backend) => {
    const args = { hidden_states: make(T, D), eps: 1e-5, normalized_size: D, output: make(T, 1) };
    return { shape: `${T}×${D}`, run: () => backend.rms_scale(args) };
  },
  layer_norm: (make, backend) => {
    const args = { hidden_states: make(T, D), weight: make(D), bias: make(D), eps: 1e-5, output: make(T, D) };
    return { shape: `${T}×${D}`, run: () => backend.layer_norm(args) };
  },
  matmul: (make, backend) => {
    const args = { a: make(T, D), b: make(D, D), output: make(T, D) };
    return { shape: `${T}×${D}·${D}×${D}`, run: () => backend.matmul(args), multiplyAdds: T * D * D };
  },
  matmul_bt: (make, backend) => {
    const args = { a: make(T, D), b: make(F, D), output: make(T, F) };
    return { shape: `${T}×${D}·(${F}×${D})ᵀ`, run: () => backend.matmul_bt(args), multiplyAdds: T * D * F };
  },
  matmul_at: (make, backend) => {
    const args = { a: make(D, D), b: make(D, F), output: make(D, F) };
    return { shape: `(${D}×${D})ᵀ·${D}×${F}`, run: () => backend.matmul_at(args), multiplyAdds: D * D * F };
  },
  'matmul_bt, add': (make, backend) => {
    const [product, residual] = [make(T, D), make(T, D)];
    const args = { a: make(T, D), b: make(D, D), output: product };
    const run = () => {
      backend.matmul_bt(args);
      backend.add({ a: residual, b: product, output: residual });
    };
    return { shape: RESIDUAL, run, multiplyAdds: T * D * D };
  },
  'matmul_bt, accumulate': (make, backend) => {
    const args = { a: make(T, D), b: make(D, D), output: make(T, D), accumulate: true };
    return { shape: RESIDUAL, run: () => backend.matmul_bt(args), multiplyAdds: T * D * D };
  },
  'matmul_bt, glu': (make, backend) => {
    const up = make(T, F);
    const args = { a: make(T, D), b: make(F, D), output: up };
    const gated = { activation: 'silu', gate: make(T, F), up, output: make(T, F) } as const;
    const run = () => {
      backend.matmul_bt(args);
      backend.glu(gated);
    };
    return { shape: GATED, run, multiplyAdds: T * D * F };
  },
  'matmul_bt, gate': (make, backend) => {
    const gate = { activation: 'silu', states: make(T, F) } as const;
    const args = { a: make(T, D), b: make(F, D), output: make(T, F), gate };
    return { shape: GATED, run: () => backend.matmul_bt(args), multiplyAdds: T * D * F };
  },
  'rms_norm, matmul_bt': (make, backend) => {
    const normed = make(T, D);
    const norm = { hidden_states: make(T, D), eps: 1e-5, normalized_size: D, output: normed };
    const args = { a: normed, b: make(D, D), output: make(T, D) };
    const run = () => {
      backend.rms_norm(norm);
      backend.matmul_bt(args);
    };
    return { shape: NORMED, run, multiplyAdds: T * D * D };
  },
  'rms_scale, matmul_bt row_scale': (make, backend) => {
    const [hidden_states, row_scale] = [make(T, D), make(T, 1)];
    const norm = { hidden_states, eps: 1e-5, normalized_size: D, output: row_scale };
    const args = { a: hidden_states, b: make(D, D), output: make(T, D), row_scale };
    const run = () => {
      backend.rms_scale(norm);
      backend.matmul_bt(args);
    };
    return { shape: NORMED, run, multiplyAdds: T * D * D };
  },
  add_bias: (make, backend) => {
    const args = { hidden_states: make(T, D), bias: make(D) };
    return { shape: `${T}×${D}`, run: () => backend.add_bias(args) };
  },
  rotary: (make, backend) => {
    const tables = { cos: make(T, HEAD_DIM / 2), sin: make(T, HEAD_DIM / 2) };
    const args = { states: make(T, HEADS * HEAD_DIM), ...tables, seqlen: T, heads: HEADS, head_dim: HEAD_DIM };
    return { shape: `${T}×${HEADS}×${HEAD_DIM}`, run: () => backend.rotary(args) };
  },
  attention: (make, backend) => {
    const args = {
      query: make(T, HEADS * HEAD_DIM),
      key: make(T, KV_HEADS * HEAD_DIM),
      value: make(T, KV_HEADS * HEAD_DIM),
      output: make(T, HEADS * HEAD_DIM),
      seqlen: T,
      heads: HEADS,
      kv_heads: KV_HEADS,
      head_dim: HEAD_DIM,
      scale: HEAD_DIM ** -0.5,
    };
    // Causal: on average half of the keys, once for the scores and once for the values.
    const multiplyAdds = T * (T + 1) * HEADS * HEAD_DIM;
    const shape = `${T} tokens, ${HEADS}/${KV_HEADS} heads of ${HEAD_DIM}`;
    return { shape, run: () => backend.attention(args), multiplyAdds };
  },
  glu: (make, backend) => {
    const args = { activation: 'silu', gate: make(T, F), up: make(T, F), output: make(T, F) } as const;
    return { shape: `${T}×${F}, silu`, run: () => backend.glu(args) };
  },
  activation: (make, backend) => {
    const args = { activation: 'gelu', hidden_states: make(T, F), output: make(T, F) } as const;
    return { shape: `${T}×${F}, gelu`, run: () => backend.activation(args) };
  },
  scale: (make, backend) => {
    const args = { hidden_states: make(T, D), factor: 1 };
    return { shape: `${T}×${D}`, run: () => backend.scale(args) };
  },
  soft_cap: (make, backend) => {
    const args = { hidden_states: make(T, VOCAB_BLOCK), cap: 30 };
    return { shape: `${T}×${VOCAB_BLOCK}`, run: () => backend.soft_cap(args) };
  },
  xielu: (make, backend) => {
    const parameters = { alpha_p: 0.8, alpha_n: 0.8, beta: 0.5, eps: -1e-6 };
    const args = { hidden_states: make(T, F), output: make(T, F), ...parameters };
    return { shape: `${T}×${F}`, run: () => backend.xielu(args) };
  },
  clip: (make, backend) => {
    const args = { hidden_states: make(T, D), limit: 8 };
    return { shape: `${T}×${D}`, run: () => backend.clip(args) };
  },
  quantize_rows: (make, backend) => {
    const args = { hidden_states: make(T, F), levels: 127, output: make(T, F) };
    return { shape: `${T}×${F}`, run: () => backend.quantize_rows(args) };
  },
  quantize_columns: (make, backend) => {
    const args = { hidden_states: make(T, F), scale: make(F), zero: make(F), levels: 255, output: make(T, F) };
    return { shape: `${T}×${F}`, run: () => backend.quantize_columns(args) };
  },
  outlier_columns: (make, backend) => {
    const args = { hidden_states: make(T, F), threshold: 6, seqlen: T, output: make(1, F) };
    return { shape: `${T}×${F}`, run: () => backend.outlier_columns(args) };
  },
  write_rows: (make, backend) => {
    const args = { source: make(1, D), output: make(T, D), first_row: T - 1 };
    return { shape: `1×${D}`, run: () => backend.write_rows(args) };
  },
  add: (make, backend) => {
    const args = { a: make(T, D), b: make(T, D), output: make(T, D) };
    return { shape: `${T}×${D}`, run: () => backend.add(args) };
  },
  covariance: (make, backend) => {
    const args = { hidden_states: make(T, D), covariance: make(D, D) };
    const multiplyAdds = (T * D * (D + 1)) / 2;
    return { shape: `(${T}×${D})ᵀ·${T}×${D}, upper triangle`, run: () => backend.covariance(args), multiplyAdds };
  },
  scale_columns: (make, backend) => {
    const args = { weight: make(F, D), scale: make(D), output: make(F, D) };
    return { shape: `${F}×${D}`, run: () => backend.scale_columns(args) };
  },
  center_rows: (make, backend) => {
    const args = { hidden_states: make(T, D) };
    return { shape: `${T}×${D}`, run: () => backend.center_rows(args) };
  },
  center_columns: (make, backend) => {
    const args = { weight: make(D, F) };
    return { shape: `${D}×${F}`, run: () => backend.center_columns(args) };
  },
  cross_entropy: (make, backend) => {
    const operands = { logits: make(T, VOCAB_BLOCK), target_ids: make.ids(T, VOCAB_BLOCK), state: make(T, 4) };
    const args = { ...operands, first_column: 0 };
    return { shape: `${T}×${VOCAB_BLOCK}`, run: () => backend.cross_entropy(args) };
  },
  count_non_finite: (make, backend) => {
    const args = { tensor: make(F, D), counts: make.ids(1, 1), index: 0 };
    return { shape: `${F}×${D}`, run: () => backend.count_non_finite(args) };
  },
};

export const KERNEL_NAMES: readonly string[] = Object.keys(CASES);

export async function benchKernel(backend: Backend, name: string): Promise<KernelFigure> {
  const tensors: Tensor[] = [];
  const keep = (tensor: Tensor) => {
    tensors.push(tensor);
    return tensor;
  };
  const uniform = randomNumbers(1);
  const make: Make = Object.assign(
    (...shape: Shape) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return keep(
        backend.fromArray(
          Float32Array.from({ length }, () => uniform() - 0.5),
          shape,
          name,
        ),
      );
    },
    {
      ids: (length: number, limit: number) =>
        keep(
          backend.fromIds(
            Uint32Array.from({ length }, () => Math.floor(uniform() * limit)),
            name,
          ),
        ),
    },
  );
  try {
    const { shape, run, multiplyAdds } = CASES[name](make, backend);
    const ms = await medianMs(run, () => backend.sync());
    return { name, shape, ms, ...(multiplyAdds && { gflops: (2 * multiplyAdds) / (ms * 1e6) }) };
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}
