import { describe, expect, it } from 'vitest';
import type { TensorDifference } from '../../engine/protocol.ts';
import { bySize, diffCsv, formatRelative, shapeOf, shownTensors, typeOf } from './tensor_diff.ts';

const side = (shape: number[], dtype: string, bytes: number) => ({ shape, dtype, bytes });
const ROWS: TensorDifference[] = [
  { name: 'norm.weight', a: side([8], 'F32', 32), b: side([8], 'F32', 32), relative_change: 0, max_change: 0 },
  {
    name: 'layers.0.q',
    a: side([8, 8], 'F16', 128),
    b: side([8, 8], 'int4, g32', 36),
    relative_change: 0.0816,
    max_change: 0.5,
  },
  { name: 'layers.0.k', a: side([4, 8], 'F16', 64), b: side([4, 6], 'F16', 48) },
  { name: 'layers.0.shortcut', b: side([8, 6], 'F16', 96) },
];

describe('tensors of two models', () => {
  it('are found by a part of their name, in the order of the model', () => {
    expect(shownTensors(ROWS, ' LAYERS.0 ', 'place').map(({ name }) => name)).toEqual([
      ...['layers.0.q', 'layers.0.k', 'layers.0.shortcut'],
    ]);
  });

  it('come with the largest change first, what cannot be compared before', () => {
    expect(shownTensors(ROWS, '', 'change').map(({ name }) => name)).toEqual([
      ...['layers.0.k', 'layers.0.shortcut', 'layers.0.q', 'norm.weight'],
    ]);
    expect(ROWS[0].name).toBe('norm.weight');
  });

  it('tell once what both have, and a dash for what one lacks', () => {
    const bytes = (row: TensorDifference) => bySize(row, (count) => `${count} B`);
    expect(ROWS.map(shapeOf)).toEqual(['8', '8×8', '4×8 → 4×6', '– → 8×6']);
    expect(ROWS.map(typeOf)).toEqual(['F32', 'F16 → int4, g32', 'F16', '– → F16']);
    expect(ROWS.map(bytes)).toEqual(['32 B', '128 B → 36 B', '64 B → 48 B', '– → 96 B']);
  });

  it('tell changes so that small ones stay apart from none', () => {
    expect([undefined, null, 0, 3e-6, 0.0816].map(formatRelative)).toEqual([
      '–',
      'from zero',
      'same',
      '3.0e-6',
      '8.16 %',
    ]);
  });

  it('are a CSV whose fields may hold commas', () => {
    const [head, , second, third] = diffCsv(ROWS).split('\r\n');
    expect(head.split(',')).toHaveLength(9);
    expect(second).toBe('layers.0.q,8×8,8×8,F16,"int4, g32",128,36,0.0816,0.5');
    expect(third).toBe('layers.0.k,4×8,4×6,F16,F16,64,48,,');
  });
});
