import { describe, expect, it } from 'vitest';
import { toErrorData } from '../../errors/errors.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import type { Checkpoint, TensorInfo } from '../checkpoint.ts';
import type { Adapter, Factors } from './adapter.ts';
import { mergeAdapter } from './merged.ts';

const info = (name: string, shape: number[], more: Partial<TensorInfo> = {}): TensorInfo => ({
  ...{ name, shape, dtype: 'F32', bytes: 4 * shape.reduce((a, b) => a * b, 1), file: 'f' },
  ...more,
});
function checkpoint(...tensors: TensorInfo[]): Checkpoint {
  return {
    tensors: new Map(tensors.map((one) => [one.name, one])),
    bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    read: async (name) =>
      encodeFromFloat(new Float32Array(tensors.find((one) => one.name === name)!.bytes / 4).fill(1), 'F32'),
  };
}
function adapter(factors: Partial<Factors>): Adapter {
  const A = info('A', [2, 3]);
  const B = info('B', [5, 2]);
  const config = { file: 'c', fan_in_fan_out: false, scaleOf: () => 1 };
  const weights = { name: 'w', size: 0, read: () => Promise.reject(new Error('no read')) };
  const whole = new Map<string, TensorInfo>();
  return {
    config,
    weights,
    whole,
    checkpoint: checkpoint(A, B),
    factors: [{ module: 'm', A, B, is_embedding: false, scale: 2, ...factors }],
  };
}
const refused = (base: Checkpoint, factors: Partial<Factors>) => {
  try {
    mergeAdapter(base, adapter(factors));
  } catch (thrown) {
    return toErrorData(thrown);
  }
  return null;
};

describe('a merged adapter', () => {
  it('adds scale·B·A, whichever way the matrix lies, and finds names with something before them', async () => {
    for (const shape of [
      [5, 3],
      [3, 5],
    ]) {
      const { checkpoint: merged, notes } = mergeAdapter(checkpoint(info('x.m.weight', shape)), adapter({}));
      const bytes = await merged.read('x.m.weight');
      // 1 + 2·(1·1 + 1·1)
      expect(new Set(new Float32Array(bytes.slice().buffer))).toEqual(new Set([5]));
      expect(notes).toHaveLength(1);
    }
  });

  it('says that a quantised matrix is one of floats now', () => {
    const stored = { dtype: 'F8_E4M3', bytes: 15 };
    const { checkpoint: merged, notes } = mergeAdapter(checkpoint(info('m.weight', [5, 3], { stored })), adapter({}));
    expect(notes[1]).toMatch(/floats now/);
    expect(merged.tensors.get('m.weight')?.stored).toBeUndefined();
  });

  it('refuses a head or an embedding that is the other as well, other shapes and other types', () => {
    expect(refused(checkpoint(), { module: 'lm_head' })?.message).toMatch(/its head is the embedding/);
    const table = checkpoint(info('embed.weight', [3, 5]));
    expect(refused(table, { module: 'embed', is_embedding: true })?.message).toMatch(/same matrix/);
    expect(refused(checkpoint(info('m.weight', [4, 4])), {})).toMatchObject({ code: 'shape_mismatch' });
    expect(refused(checkpoint(info('m.weight', [5, 3], { dtype: 'Q4_K' })), {})).toMatchObject({
      code: 'unsupported_dtype',
    });
  });
});
