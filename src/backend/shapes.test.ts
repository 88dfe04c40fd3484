import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WhittleError } from '../errors/errors.ts';
import type { Backend, Tensor } from './backend.ts';
import { backendsUnderTest } from './testing.ts';

describe.each(await backendsUnderTest())('shape errors on $kind', ({ create }) => {
  let backend: Backend;
  let f: (rows: number, columns: number) => Tensor;
  let ids: Tensor;

  beforeAll(async () => {
    backend = await create();
    f = (rows, columns) => backend.empty([rows, columns], `matrix ${rows} × ${columns}`);
    ids = backend.emptyIds(3, 'ids');
  });
  afterAll(() => backend?.dispose());

  const attention = { seqlen: 3, heads: 4, kv_heads: 2, head_dim: 2, scale: 1 };
  const wrong: [name: string, call: () => void][] = [
    [
      'embedding into too few rows',
      () => backend.embedding({ input_ids: ids, weight: f(5, 4), first_row: 0, output: f(2, 4) }),
    ],
    [
      'embedding by numbers',
      () => backend.embedding({ input_ids: f(3, 1), weight: f(5, 4), first_row: 0, output: f(3, 4) }),
    ],
    [
      'rms_norm with a short weight',
      () =>
        backend.rms_norm({ hidden_states: f(2, 4), weight: f(1, 3), eps: 1e-5, normalized_size: 4, output: f(2, 4) }),
    ],
    [
      'rms_norm of stretches that do not fill a row',
      () => backend.rms_norm({ hidden_states: f(2, 4), eps: 0, normalized_size: 3, width: 3, output: f(2, 4) }),
    ],
    ['matmul with other inner sizes', () => backend.matmul({ a: f(2, 3), b: f(4, 5), output: f(2, 5) })],
    ['matmul with too few columns', () => backend.matmul({ a: f(2, 3), b: f(3, 4), output: f(2, 5) })],
    ['matmul_bt with too few rows', () => backend.matmul_bt({ a: f(2, 3), b: f(4, 3), output: f(2, 5) })],
    [
      'matmul_bt with too few row scales',
      () => backend.matmul_bt({ a: f(2, 3), b: f(4, 3), output: f(2, 4), row_scale: f(1, 1) }),
    ],
    [
      'matmul_bt gated by another shape',
      () =>
        backend.matmul_bt({
          ...{ a: f(2, 3), b: f(4, 3), output: f(2, 4) },
          gate: { states: f(2, 3), activation: 'silu' },
        }),
    ],
    [
      'rms_scale into a row',
      () => backend.rms_scale({ hidden_states: f(2, 4), eps: 1e-5, normalized_size: 4, output: f(1, 2) }),
    ],
    ['matmul_at with other inner sizes', () => backend.matmul_at({ a: f(3, 2), b: f(4, 5), output: f(2, 5) })],
    ['add_bias of another length', () => backend.add_bias({ hidden_states: f(2, 4), bias: f(1, 5) })],
    ['rotary of half a window', () => backend.rotary({ states: f(4, 8), cos: f(3, 1), sin: f(3, 1), ...attention })],
    [
      'attention of a narrow key',
      () => backend.attention({ query: f(3, 8), key: f(3, 3), value: f(3, 4), output: f(3, 8), ...attention }),
    ],
    ['glu of two shapes', () => backend.glu({ activation: 'silu', gate: f(2, 3), up: f(3, 2), output: f(2, 3) })],
    [
      'activation into another shape',
      () => backend.activation({ activation: 'relu', hidden_states: f(2, 3), output: f(3, 2) }),
    ],
    ['scale of token ids', () => backend.scale({ hidden_states: ids, factor: 2 })],
    ['clip to nothing', () => backend.clip({ hidden_states: f(2, 3), limit: 0 })],
    ['soft_cap by a negative cap', () => backend.soft_cap({ hidden_states: f(2, 3), cap: -1 })],
    [
      'layer_norm with a short bias',
      () => backend.layer_norm({ hidden_states: f(2, 4), bias: f(1, 3), eps: 1e-5, output: f(2, 4) }),
    ],
    ['center_columns of token ids', () => backend.center_columns({ weight: ids })],
    ['add of two sizes', () => backend.add({ a: f(2, 3), b: f(2, 4), output: f(2, 3) })],
    ['covariance of another size', () => backend.covariance({ hidden_states: f(2, 3), covariance: f(2, 2) })],
    [
      'scale_columns by another length',
      () => backend.scale_columns({ weight: f(2, 3), scale: f(1, 2), output: f(2, 3) }),
    ],
    [
      'cross_entropy with a narrow state',
      () => backend.cross_entropy({ logits: f(3, 5), target_ids: ids, first_column: 0, state: f(3, 3) }),
    ],
    ['count_non_finite past the counters', () => backend.count_non_finite({ tensor: f(2, 2), counts: ids, index: 3 })],
    ['copy to another size', () => backend.copy(f(2, 2), f(2, 3))],
    ['fromArray of another count', () => backend.fromArray([1, 2, 3], [2, 2], 'three')],
    ['decode of too few bytes', () => backend.decode(new Uint8Array(7), 'F16', [2, 2], 'seven')],
    ['an empty tensor', () => backend.empty([0, 4], 'nothing')],
  ];

  it.each(wrong)('%s is refused with both sizes', (_, call) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WhittleError);
    expect(thrown).toMatchObject({ code: 'kernel_shape', allowed: expect.stringMatching(/./) });
    expect((thrown as WhittleError).message).toMatch(/\d|type/);
  });
});
