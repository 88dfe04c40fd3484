import { expect, it } from 'vitest';
import type { Checkpoint, TensorInfo } from '../../checkpoint.ts';
import { compressedWeights } from './compressed.ts';
import { withDecoded } from './decoded.ts';

const info = (name: string, dtype: string, shape: number[], bytes: number): [string, TensorInfo] => [
  name,
  { name, dtype, shape, bytes, file: 'f' },
];

it('scales of activations beside packed weights are not the model\u2019s', async () => {
  const names = ['input_scale', 'input_zero_point', 'input_global_scale', 'output_scale'];
  const tensors = new Map([
    info('m.weight', 'I8', [2, 4], 8),
    info('m.weight_scale', 'F32', [1], 4),
    ...names.map((name) => info(`m.${name}`, 'F32', [1], 4)),
    info('other.input_scale', 'F32', [1], 4),
  ]);
  const checkpoint: Checkpoint = { tensors, bytes: 0, read: async () => new Uint8Array(8) };
  const decoded = await withDecoded(checkpoint, (parts) => compressedWeights(parts, { bits: [8], group_sizes: [] }));
  expect([...decoded.tensors.keys()].sort()).toEqual(['m.weight', 'other.input_scale']);
});

it.each([
  ['one for all', [1], [5]],
  ['one an output, as versions before 0.9.2 have them', [2, 1], [5, -3]],
])('zero points of packed integers in signed bytes: %s', async (_, shape, zeros) => {
  const bytes: Record<string, ArrayBufferView> = {
    'm.weight_packed': Int32Array.of(0x76543210, 0x76543210),
    'm.weight_shape': BigInt64Array.of(2n, 8n),
    'm.weight_scale': new Float32Array(shape.length === 1 ? [0.5] : [0.5, 2]),
    'm.weight_zero_point': Int8Array.from(zeros),
  };
  const tensors = new Map([
    info('m.weight_packed', 'I32', [2, 1], 8),
    info('m.weight_shape', 'I64', [2], 16),
    info('m.weight_scale', 'F32', shape, 4 * zeros.length),
    info('m.weight_zero_point', 'I8', shape, zeros.length),
  ]);
  const read: Checkpoint['read'] = async (name, rows) => {
    const all = new Uint8Array(bytes[name].buffer.slice(0));
    const each = all.length / (tensors.get(name)?.shape[0] ?? 1);
    return rows ? all.slice(rows.start * each, rows.end * each) : all;
  };
  const found = await withDecoded({ tensors, bytes: 0, read }, (parts) =>
    compressedWeights(parts, { bits: [4], group_sizes: [] }),
  );
  const values = new Float32Array((await found.read('m.weight')).slice().buffer);
  const expected = [0, 1].flatMap((row) =>
    Array.from({ length: 8 }, (_, code) => (code - 8 - (zeros[row] ?? zeros[0])) * (row && shape.length > 1 ? 2 : 0.5)),
  );
  expect([...values]).toEqual(expected);
});
