import { describe, expect, it } from 'vitest';
import type { AttentionArgs, Backend, Tensor } from '../backend.ts';
import { checkMatmul, checkMatmulAt, checkMatmulBt } from '../shapes.ts';
import { createCpuBackend } from './cpu_backend.ts';

const backend = createCpuBackend();
const f = (...shape: number[]): Tensor => backend.empty(shape, `f${shape.join('x')}`);
const ids = (length: number): Tensor => backend.emptyIds(length, `ids${length}`);
const shared = f(4, 4);

/** Every call is wrong in one way; the message must name the kernel and what was found. */
const WRONG: [call: (b: Backend) => void, message: RegExp][] = [
  [(b) => b.matmul({ a: f(2, 3), b: f(4, 5), output: f(2, 5) }), /^matmul: b has 4 rows/],
  [(b) => b.matmul({ a: f(2, 3), b: f(3, 5), output: f(2, 6) }), /^matmul: columns of b are 5/],
  [(b) => b.matmul({ a: f(2, 3), b: f(3, 5), output: f(3, 5) }), /^matmul: output has 3 rows/],
  [(b) => b.matmul({ a: f(6), b: f(6, 5), output: f(1, 5) }), /^matmul: a has shape \[6\]/],
  [(b) => b.matmul({ a: shared, b: f(4, 4), output: shared }), /^matmul: output is one of the inputs/],
  [(b) => b.matmul_bt({ a: f(2, 3), b: f(5, 2), output: f(2, 5) }), /^matmul_bt: columns of b are 2/],
  [(b) => b.matmul_bt({ a: f(2, 3), b: f(4, 3), output: f(2, 5) }), /^matmul_bt: rows of b are 4/],
  [(b) => b.matmul_at({ a: f(3, 2), b: f(4, 5), output: f(2, 5) }), /^matmul_at: b has 4 rows/],
  [(b) => b.matmul_at({ a: f(3, 2), b: f(3, 5), output: f(3, 5) }), /^matmul_at: columns of a are 2/],
  [
    (b) => b.embedding({ input_ids: ids(3), weight: f(9, 4), first_row: 0, output: f(2, 4) }),
    /^embedding: output has shape \[2, 4\]/,
  ],
  [
    (b) => b.embedding({ input_ids: f(3), weight: f(9, 4), first_row: 0, output: f(3, 4) }),
    /^embedding: input_ids has type f32/,
  ],
  [
    (b) => b.embedding({ input_ids: ids(3), weight: f(9, 4), first_row: -1, output: f(3, 4) }),
    /^embedding: first_row is -1/,
  ],
  [
    (b) => b.rms_norm({ hidden_states: f(2, 4), weight: f(3), eps: 0, normalized_size: 4, output: f(2, 4) }),
    /^rms_norm: weight has 3 elements/,
  ],
  [
    (b) => b.rms_norm({ hidden_states: shared, eps: 0, normalized_size: 4, output: shared }),
    /^rms_norm: output is one of the inputs/,
  ],
  [
    (b) => b.rms_norm({ hidden_states: f(2, 4), eps: 0, normalized_size: 0, output: f(2, 4) }),
    /^rms_norm: normalized_size is 0/,
  ],
  [
    (b) => b.rms_norm({ hidden_states: f(2, 4), eps: 0, normalized_size: 4, width: 3, output: f(2, 4) }),
    /^rms_norm: width is 3/,
  ],
  [
    (b) => b.rms_norm({ hidden_states: f(2, 4), bias: f(4), eps: 0, normalized_size: 2, width: 2, output: f(2, 4) }),
    /^rms_norm: bias has 4 elements/,
  ],
  [
    (b) => b.layer_norm({ hidden_states: f(2, 4), weight: f(3), eps: 0, output: f(2, 4) }),
    /^layer_norm: weight has 3 elements/,
  ],
  [(b) => b.layer_norm({ hidden_states: shared, eps: 0, output: shared }), /^layer_norm: output is one of the inputs/],
  [(b) => b.add_bias({ hidden_states: f(2, 4), bias: f(5) }), /^add_bias: bias has 5 elements/],
  [
    (b) => b.rotary({ states: f(4, 8), cos: f(3, 2), sin: f(3, 2), seqlen: 4, heads: 2, head_dim: 4 }),
    /^rotary: rows of cos are 3/,
  ],
  [
    (b) => b.rotary({ states: f(4, 8), cos: f(4, 3), sin: f(4, 3), seqlen: 4, heads: 2, head_dim: 4 }),
    /^rotary: cos has 3 columns/,
  ],
  [
    (b) => b.rotary({ states: f(5, 8), cos: f(4, 2), sin: f(4, 2), seqlen: 4, heads: 2, head_dim: 4 }),
    /^rotary: states has 5 rows/,
  ],
  [
    (b) => b.rotary({ states: f(4, 8), cos: f(4, 2), sin: f(4, 1), seqlen: 4, heads: 2, head_dim: 4 }),
    /^rotary: sin has shape \[4, 1\]/,
  ],
  [(b) => b.glu({ activation: 'silu', gate: f(2, 3), up: f(2, 4), output: f(2, 3) }), /^glu: up has shape \[2, 4\]/],
  [
    (b) => b.activation({ activation: 'gelu', hidden_states: f(2, 3), output: f(3, 2) }),
    /^activation: output has shape \[3, 2\]/,
  ],
  [
    (b) => b.activation({ activation: 'gelu', hidden_states: shared, output: shared }),
    /^activation: output is one of the inputs/,
  ],
  [(b) => b.scale({ hidden_states: ids(3), factor: 2 }), /^scale: hidden_states has type u32/],
  [(b) => b.soft_cap({ hidden_states: f(2, 3), cap: 0 }), /^soft_cap: cap is 0/],
  [(b) => b.soft_cap({ hidden_states: f(2, 3), cap: Number.NaN }), /^soft_cap: cap is NaN/],
  [(b) => b.center_columns({ weight: f(6) }), /^center_columns: weight has shape \[6\]/],
  [(b) => b.add({ a: f(2, 3), b: f(2, 4), output: f(2, 3) }), /^add: b has 8 elements/],
  [(b) => b.add({ a: f(4, 4), b: shared, output: shared }), /^add: output is one of the inputs/],
  [(b) => b.covariance({ hidden_states: f(2, 3), covariance: f(4, 4) }), /^covariance: covariance has shape \[4, 4\]/],
  [(b) => b.scale_columns({ weight: f(2, 3), scale: f(2), output: f(2, 3) }), /^scale_columns: scale has 2 elements/],
  [
    (b) => b.cross_entropy({ logits: f(2, 9), target_ids: ids(3), first_column: 0, state: f(2, 4) }),
    /^cross_entropy: target_ids has 3 elements/,
  ],
  [
    (b) => b.cross_entropy({ logits: f(2, 9), target_ids: ids(2), first_column: 0, state: f(2, 3) }),
    /^cross_entropy: state has shape \[2, 3\]/,
  ],
  [
    (b) => b.count_non_finite({ tensor: f(2), counts: ids(2), index: 2 }),
    /^count_non_finite: elements of counts are 2/,
  ],
  [(b) => b.copy(f(2), f(3)), /^copy: to has shape \[3\]/],
  [(b) => b.copy(f(2), ids(2)), /^copy: to has type u32/],
  [(b) => b.empty([2, 0], 'nothing'), /shape \[2, 0\] was asked for/],
  [(b) => b.fromArray([1, 2, 3], [2, 2], 'short'), /3 values were given for a tensor of shape \[2, 2\]/],
  [(b) => b.decode(new Uint8Array(7), 'F16', [2, 2], 'short'), /7 bytes were given for a F16 tensor/],
];

const ATTENTION = {
  query: f(6, 8),
  key: f(6, 4),
  value: f(6, 4),
  output: f(6, 8),
  seqlen: 3,
  heads: 4,
  kv_heads: 2,
  head_dim: 2,
  scale: 1,
};

const WRONG_ATTENTION: [change: Partial<AttentionArgs>, message: RegExp][] = [
  [{ kv_heads: 3 }, /^attention: 4 heads share 3/],
  [{ seqlen: 4 }, /^attention: query has 6 rows/],
  [{ key: f(6, 8) }, /^attention: key has shape \[6, 8\]/],
  [{ value: f(5, 4) }, /^attention: value has shape \[5, 4\]/],
  [{ output: ATTENTION.query }, /^attention: output is one of the inputs/],
  [{ head_dim: 0 }, /^attention: head_dim is 0/],
  [{ window: 0 }, /^attention: window is 0/],
  [{ window: 1.5 }, /^attention: window is 1.5/],
  [{ soft_cap: -1 }, /^attention: soft_cap is -1/],
  [{ slopes: f(2) }, /^attention: slopes has 2 elements/],
];

describe('shape checks', () => {
  it.each(WRONG)('%#: refuse %s', (call, message) => {
    expect(() => call(backend)).toThrowError(
      expect.objectContaining({ code: 'kernel_shape', message: expect.stringMatching(message) }),
    );
  });

  it.each(WRONG_ATTENTION)('%#: refuse attention with %o', (change, message) => {
    expect(() => backend.attention({ ...ATTENTION, ...change })).toThrowError(
      expect.objectContaining({ code: 'kernel_shape', message: expect.stringMatching(message) }),
    );
  });

  it('refuse an oblong matrix for eigh', async () => {
    await expect(backend.eigh({ covariance: f(2, 3) })).rejects.toMatchObject({ code: 'kernel_shape' });
  });

  it('give the sizes and strides of a product', () => {
    const sliced = { a: f(2, 3), b: f(3, 7), output: f(2, 5) };
    expect(checkMatmul(sliced)).toEqual({ m: 2, n: 5, k: 3, a_stride: 3, b_stride: 7 });
    const transposed = { a: f(2, 3), b: f(6, 7), output: f(2, 5) };
    expect(checkMatmulBt(transposed)).toEqual({ m: 2, n: 5, k: 3, a_stride: 3, b_stride: 7 });
    const left = { a: f(3, 4), b: f(3, 7), output: f(2, 5) };
    expect(checkMatmulAt(left)).toEqual({ m: 2, n: 5, k: 3, a_stride: 4, b_stride: 7 });
  });
});
