import { describe, expect, it } from 'vitest';
import { bf16ToNumber, decodeToFloat32, encodeFromFloat, f16ToNumber, numberToBf16, numberToF16 } from './half.ts';

/** All 65,536 bit patterns of a 16-bit format, as stored bytes. */
function everyPattern(): Uint8Array {
  return new Uint8Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
}

/** True for the NaN patterns of a format with the given infinity. */
function isNaNPattern(bits: number, infinity: number): boolean {
  return (bits & 0x7fff) > infinity;
}

describe('binary16', () => {
  it('reads the landmarks of the format', () => {
    expect(f16ToNumber(0x3c00)).toBe(1);
    expect(f16ToNumber(0xc000)).toBe(-2);
    expect(f16ToNumber(0x7bff)).toBe(65504);
    expect(f16ToNumber(0x0400)).toBe(2 ** -14);
    expect(f16ToNumber(0x03ff)).toBe(2 ** -14 - 2 ** -24);
    expect(f16ToNumber(0x0001)).toBe(2 ** -24);
    expect(f16ToNumber(0x8000)).toBe(-0);
    expect(f16ToNumber(0x7c00)).toBe(Number.POSITIVE_INFINITY);
    expect(f16ToNumber(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
    expect(f16ToNumber(0x7e01)).toBeNaN();
  });

  it('gives all 65,536 patterns back, NaN as NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const back = numberToF16(f16ToNumber(bits));
      const kept = isNaNPattern(bits, 0x7c00) ? isNaNPattern(back, 0x7c00) : back === bits;
      if (!kept) expect(`0x${bits.toString(16)} came back as 0x${back.toString(16)}`).toBe('the same pattern');
    }
  });

  it('rounds the middle between neighbours to the even one, and anything beside it to the nearer', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = f16ToNumber(bits);
      const middle = (low + f16ToNumber(bits + 1)) / 2; // exact in f64
      const nudge = middle * 2 ** -50;
      const found = [numberToF16(middle - nudge), numberToF16(middle), numberToF16(middle + nudge)];
      const expected = [bits, bits + (bits % 2), bits + 1];
      if (found.join() !== expected.join()) expect(found).toEqual(expected);
    }
  });

  it('rounds an f64 once: 1 + 2^-11 + 2^-40 is above the tie, though not in f32', () => {
    expect(numberToF16(1 + 2 ** -11 + 2 ** -40)).toBe(0x3c01);
  });

  it('overflows to infinity from 65,520 on and underflows to a signed zero', () => {
    expect(numberToF16(65519.999)).toBe(0x7bff);
    expect(numberToF16(65520)).toBe(0x7c00);
    expect(numberToF16(-1e300)).toBe(0xfc00);
    expect(numberToF16(Number.NEGATIVE_INFINITY)).toBe(0xfc00);
    expect(numberToF16(2 ** -25)).toBe(0);
    expect(numberToF16(-Number.MIN_VALUE)).toBe(0x8000);
    expect(isNaNPattern(numberToF16(Number.NaN), 0x7c00)).toBe(true);
  });
});

describe('bfloat16', () => {
  it('reads the landmarks of the format', () => {
    expect(bf16ToNumber(0x3f80)).toBe(1);
    expect(bf16ToNumber(0x0001)).toBe(2 ** -133);
    expect(bf16ToNumber(0xff80)).toBe(Number.NEGATIVE_INFINITY);
    expect(bf16ToNumber(0x7fc0)).toBeNaN();
  });

  it('gives all 65,536 patterns back, NaN as NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const back = numberToBf16(bf16ToNumber(bits));
      const kept = isNaNPattern(bits, 0x7f80) ? isNaNPattern(back, 0x7f80) : back === bits;
      if (!kept) expect(`0x${bits.toString(16)} came back as 0x${back.toString(16)}`).toBe('the same pattern');
    }
  });

  it('rounds the middle between neighbours to the even one, and anything beside it to the nearer', () => {
    for (let bits = 0; bits < 0x7f7f; bits++) {
      const middle = (bf16ToNumber(bits) + bf16ToNumber(bits + 1)) / 2;
      const nudge = middle * 2 ** -50;
      const found = [numberToBf16(middle - nudge), numberToBf16(middle), numberToBf16(middle + nudge)];
      const expected = [bits, bits + (bits % 2), bits + 1];
      if (found.join() !== expected.join()) expect(found).toEqual(expected);
    }
  });

  it('overflows to infinity at the middle above its largest value', () => {
    const largest = bf16ToNumber(0x7f7f);
    const step = 2 ** 120;
    expect(numberToBf16(largest + step / 2 - 2 ** 80)).toBe(0x7f7f);
    expect(numberToBf16(largest + step / 2)).toBe(0x7f80);
    expect(numberToBf16(-1e300)).toBe(0xff80);
  });
});

describe('bulk decoding and encoding', () => {
  it.each(['F16', 'BF16'] as const)('agrees with the single conversions on every %s pattern', (dtype) => {
    const values = decodeToFloat32(everyPattern(), dtype);
    const single = dtype === 'F16' ? f16ToNumber : bf16ToNumber;
    expect(values).toHaveLength(65536);
    for (let bits = 0; bits < 65536; bits++) {
      if (!Object.is(values[bits], single(bits))) expect(values[bits]).toBe(single(bits));
    }
    const finite = values.map((value) => (Number.isNaN(value) ? 0 : value));
    expect(decodeToFloat32(encodeFromFloat(finite, dtype), dtype)).toEqual(finite);
  });

  it('copies F32 bit for bit, also from unaligned bytes, and shares no memory', () => {
    const bytes = new Uint8Array(13);
    bytes.set(encodeFromFloat([1.5, -2.25, 1e-40], 'F32'), 1);
    const values = decodeToFloat32(bytes.subarray(1), 'F32');
    expect(values).toEqual(Float32Array.of(1.5, -2.25, 1e-40));
    const aligned = new Uint8Array(4);
    const decoded = decodeToFloat32(aligned, 'F32');
    aligned.fill(255);
    expect(decoded[0]).toBe(0);
  });

  it('reads unaligned 16-bit elements', () => {
    const bytes = Uint8Array.of(0xee, 0x00, 0x3c, 0x00, 0xc0);
    expect(decodeToFloat32(bytes.subarray(1), 'F16')).toEqual(Float32Array.of(1, -2));
  });

  it('refuses bytes that are no whole number of elements', () => {
    expect(() => decodeToFloat32(new Uint8Array(3), 'BF16')).toThrowError(
      expect.objectContaining({ code: 'truncated_file', allowed: 'a multiple of 2 bytes' }),
    );
  });
});

describe('encoding of f32 arrays', () => {
  it('gives the bits that single values give: every half, its neighbours and the ties between, NaN and infinity', () => {
    const values: number[] = [Number.NaN, Number.POSITIVE_INFINITY, 1e-30, -1e-45, 3e38];
    for (let bits = 0; bits < 0x7c00; bits++) {
      const [half, next] = [f16ToNumber(bits), f16ToNumber(bits + 1)];
      const tie = Number.isFinite(next) ? (half + next) / 2 : 65520;
      for (const value of [half, tie, tie * (1 + 2 ** -22), tie * (1 - 2 ** -22)]) values.push(value, -value);
    }
    const singles = Float32Array.from(values);
    const found = new Uint16Array(encodeFromFloat(singles, 'F16').buffer);
    const expected = Uint16Array.from(singles, numberToF16);
    expect(found).toEqual(expected);
  });
});

describe('binary32 to binary16', () => {
  it('is rounded as an f64 is, for every exponent, about every tie', () => {
    const ends = [
      0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0x3fffff, 0x400000, 0x7fefff, 0x7ff000, 0x7fffff,
    ];
    const bits = Uint32Array.from({ length: 512 * ends.length }, (_, i) => {
      const step = Math.floor(i / ends.length);
      return ((step << 23) >>> 0) + ends[i % ends.length];
    });
    // Below 2^−14 ties lie higher up in the significand.
    const ties = Uint32Array.from(
      { length: 24 * 3 },
      (_, i) => (0x33000000 + (Math.floor(i / 3) << 22) + (i % 3) - 1) >>> 0,
    );
    for (const words of [bits, ties]) {
      const values = new Float32Array(words.buffer);
      const found = new Uint16Array(encodeFromFloat(values, 'F16').buffer);
      const expected = Uint16Array.from(values, numberToF16);
      for (const [i, value] of values.entries()) {
        if (Number.isNaN(value)) expect(isNaNPattern(found[i], 0x7c00)).toBe(true);
        else if (found[i] !== expected[i]) expect([value, found[i]]).toEqual([value, expected[i]]);
      }
    }
  });
});
