/**
 * @file Scores as the Rust library reads them: its JSON reader (serde_json without `float_roundtrip`) takes the digits as
 * a whole number of 64 bits and divides by a power of ten, which is a last place off for every seventh score or so.
 * Where two paths through a text cost the same, that place decides.
 */

const LARGEST = 2n ** 64n - 1n;
/** Fewer digits are exact in an f64. */
const EXACT_DIGITS = 15;
const MOST_TENS = 308;

/** @param text A number of JSON. */
export function readScore(text: string): number {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const { significand, tens } = leadingDigits(whole!, fraction);
  const value = scaled(significand, tens + Number(exponent));
  return sign === '-' ? -value : value;
}

/** As many digits as fit 64 bits, as a float, and the power of ten that they lack. */
function leadingDigits(whole: string, fraction: string): { significand: number; tens: number } {
  if (whole.length + fraction.length <= EXACT_DIGITS) {
    return { significand: Number(whole + fraction), tens: -fraction.length };
  }
  let taken = 0n;
  let count = 0;
  const digits = whole + fraction;
  while (count < digits.length) {
    const next = taken * 10n + BigInt(digits[count]!);
    if (next > LARGEST) break;
    taken = next;
    count++;
  }
  // Left-out digits of the whole part are zeros, those of the fraction nothing.
  return { significand: Number(taken), tens: whole.length - count };
}

function scaled(significand: number, tens: number): number {
  let value = significand;
  let left = tens;
  while (left < -MOST_TENS && value !== 0) {
    value /= 1e308;
    left += MOST_TENS;
  }
  if (value === 0) return 0;
  return left >= 0 ? value * Number(`1e${left}`) : value / Number(`1e${-left}`);
}
