import { describe, expect, it } from 'vitest';
import {
  fileStem,
  formatBytes,
  formatChange,
  formatClock,
  formatCount,
  formatCountChange,
  formatPercent,
  formatPerplexity,
  formatRate,
  formatScientific,
  formatTokens,
} from './format.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0'],
    [812, '812'],
    [1_900, '1.9 k'],
    [262_656, '263 k'],
    [999_700, '1.00 M'],
    [3_662_080, '3.66 M'],
    [134_515_008, '134.5 M'],
    [1_235_814_400, '1.24 G'],
    [-750_000, '−750 k'],
    [Number.NaN, '–'],
  ])('counts %d as %s', (value, text) => expect(formatCount(value)).toBe(text));

  it.each([
    [812, '812 B'],
    [5_400, '5 kB'],
    [7_324_160, '7.3 MB'],
    [269_060_552, '269 MB'],
    [2_471_645_608, '2.47 GB'],
    [999_600, '1.0 MB'],
  ])('bytes %d as %s', (value, text) => expect(formatBytes(value)).toBe(text));

  it.each([
    [79.83, '79.8'],
    [8.412, '8.41'],
    [9.998, '10.0'],
    [999.96, '1,000'],
    [15_321.7, '15,322'],
    [2.5e8, '2.5e8'],
    [Number.POSITIVE_INFINITY, '∞'],
    [Number.NaN, '–'],
  ])('perplexity %d as %s', (value, text) => expect(formatPerplexity(value)).toBe(text));

  it.each([
    [0, '0 %'],
    [0.25, '25 %'],
    [0.0123, '1.2 %'],
    [0.0004, '0.04 %'],
    [0.00001, '<0.01 %'],
    [1.5, '150 %'],
    [0.0015, '0.15 %'],
    [0.001, '0.1 %'],
  ])('share %d as %s', (value, text) => expect(formatPercent(value)).toBe(text));

  it('signs differences, growth with a plus', () => {
    expect(formatChange(0.1)).toBe('+10 %');
    expect(formatChange(-0.0845)).toBe('−8.5 %');
    expect(formatChange(0)).toBe('0 %');
    expect(formatCountChange(307_200)).toBe('+307 k');
    expect(formatCountChange(-307_200)).toBe('−307 k');
  });

  it('gives rates, clocks and residuals their units', () => {
    expect(formatRate(1_893.2)).toBe('1.9 k tokens/s');
    expect(formatTokens(1_893.2)).toBe('1.9 k');
    expect(formatTokens(undefined)).toBe('–');
    expect(formatRate(98.14)).toBe('98.1 tokens/s');
    expect(formatRate(undefined)).toBe('–');
    expect(formatClock(42.4)).toBe('00:42');
    expect(formatClock(3_725)).toBe('1:02:05');
    expect(formatClock(-3)).toBe('00:00');
    expect(formatScientific(3.14e-7)).toBe('3.1e-7');
    expect(formatScientific(0)).toBe('0');
  });
});

it('names files after models, whatever those are called', () => {
  expect(fileStem('SmolLM2-135M', '25 %')).toBe('SmolLM2-135M-25');
  expect(fileStem('../a/b: c?')).toBe('a-b-c');
  expect(fileStem('模型 1')).toBe('模型-1');
  expect(fileStem('%')).toBe('model');
  // Disks take 255 bytes.
  expect(fileStem('a'.repeat(300), 'b '.repeat(300)).length).toBeLessThan(130);
  expect(new TextEncoder().encode(fileStem('模'.repeat(300))).length).toBeLessThan(200);
});
