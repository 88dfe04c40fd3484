import { describe, expect, it } from 'vitest';
import { shortened } from './labels.ts';

describe('a name that is too long', () => {
  it('keeps what tells it from others of the same beginning', () => {
    const files = ['onnx', 'onnx int4'].map((file) => ({
      label: `slicegpt:sparsity=0.25, ${file}`,
      tail: file.length + 2,
    }));
    const shown = files.map(({ label, tail }) => shortened(label, 24, tail));
    expect(shown).toEqual(['slicegpt:sparsity…, onnx', 'slicegpt:spa…, onnx int4']);
  });

  it('is never longer than it may be, and is left alone where it fits', () => {
    expect(shortened('gptq:bits=4', 24)).toBe('gptq:bits=4');
    for (const tail of [0, 3, 40]) expect(shortened('x'.repeat(60), 24, tail)).toHaveLength(24);
  });
});
