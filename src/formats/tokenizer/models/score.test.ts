import { expect, it } from 'vitest';
import { readScore } from './score.ts';

// Values: tokenizers 0.23.3, Tokenizer.from_str(…).to_str().
it.each([
  ['-3.6306459034913683', -3.630645903491368],
  ['-9.101644682386393', -9.101644682386391],
  ['-9.592925736620991', -9.592925736620993],
  ['-1.5', -1.5],
  ['0.0', 0],
  ['-7.25e+2', -725],
  ['1e-7', 1e-7],
  ['18446744073709551616', 18446744073709552000],
  ['-12.345678901234567890123456789', -12.345678901234567],
  ['-9.99999e-310', -9.99999e-310],
])('the score %s is read as the Rust library reads it', (text, value) => {
  expect(readScore(text)).toBe(value);
});
