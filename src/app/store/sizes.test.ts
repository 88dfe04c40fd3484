import { describe, expect, it } from 'vitest';
import { MODEL } from '../testing.ts';
import { nearestExports, precisionPurpose, withFormat } from './exports.ts';
import { planOf } from './plan.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { denseTotal, explainBytes, originalBytes, sizeName, slicedBytes, slicedTotal } from './sizes.ts';

/** As a GGUF of about five bits a weight. */
const QUANTIZED = { ...MODEL, bytes: 2_500_000, dtype: 'Q4_1 + Q8_0' };
const PLAN = planOf(MODEL, { ...DEFAULT_SETTINGS, sparsity_percent: 40 }).plan!;
const sum = (parts: object) => Object.values(parts).reduce((all: number, part: number) => all + part, 0);

describe('a quantised source', () => {
  it('stays quantised by default, and is compared with what the person will hold', () => {
    const { sliced, dense } = nearestExports(DEFAULT_SETTINGS.export, QUANTIZED);
    expect([sliced.precision, dense.precision]).toEqual(['int4', 'int4']);
    const bytes = slicedTotal(QUANTIZED, PLAN, sliced.precision);
    expect(bytes).toBeLessThan(QUANTIZED.bytes);
    expect(explainBytes(QUANTIZED, bytes, 'int4')[0]).toMatch(
      /^The sliced file as int4 is .* % smaller than the original\.$/,
    );
    expect(sizeName(QUANTIZED, 'int4')).toBe('Size, int4');
  });

  it('is said to become f16 where it does, and that is said to be larger', () => {
    const bytes = slicedTotal(QUANTIZED, PLAN, 'stored');
    expect(bytes).toBe(PLAN.bytes);
    const [verdict, reference] = explainBytes(QUANTIZED, bytes, 'stored');
    expect(verdict).toMatch(/^The sliced file as f16 is 149 % larger than the original\.$/);
    expect(reference).toMatch(
      /^The original takes 5\.0 bits a weight\. Unsliced as f16 it would be 8\.0 MB: slicing alone changes that by −22\.\d %\.$/,
    );
    expect(precisionPurpose('stored', true)).toMatch(/become f16/);
    expect(precisionPurpose('stored', true, 'gguf')).toMatch(/stay as they are/);
    expect(sizeName(QUANTIZED, 'stored')).toBe('Size, f16');
  });

  it('keeps its precision when the format changes there and back', () => {
    const safetensors = withFormat({ format: 'onnx', precision: 'int4' }, 'safetensors', 'int4');
    expect(safetensors.precision).toBe('stored');
    expect(withFormat(safetensors, 'onnx', 'int4').precision).toBe('int4');
  });
});

it('a model of floats is measured as it is stored, without further words', () => {
  expect(nearestExports(DEFAULT_SETTINGS.export, MODEL)).toEqual(DEFAULT_SETTINGS.export);
  expect(denseTotal(MODEL, 'stored')).toBeNull();
  expect(explainBytes(MODEL, PLAN.bytes, 'stored')).toHaveLength(1);
  expect(sizeName(MODEL, 'stored')).toBe('Size');
});

it('the bars add up to the bytes beside them', () => {
  expect(sum(originalBytes(QUANTIZED))).toBeCloseTo(QUANTIZED.bytes, -4);
  for (const precision of ['stored', 'f32', 'int8', 'int4'] as const) {
    expect(Math.round(sum(slicedBytes(MODEL, PLAN, precision)))).toBe(slicedTotal(MODEL, PLAN, precision));
  }
});
