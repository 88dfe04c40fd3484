/** What is told as saved: bytes and multiplications apart, and what became larger as such. */
import { expect, it } from 'vitest';
import type { Report } from '../engine/report.ts';
import { SAVED_HEADINGS, savingRows } from './savings.ts';

const dense = { perplexity: 75.87, bytes: 8_000_000, multiplications_per_token: 4_000_000 } as Report['dense'];
const run = (stored_bytes: number, multiplications_per_token: number, perplexity: number) =>
  ({ stored_bytes, multiplications_per_token, perplexity }) as Report['runs'][number];

it('tells bytes and multiplications apart', () => {
  const runs = [run(7_320_000, 3_000_000, 79.79), run(2_790_000, 4_000_000, 76.43), run(8_800_000, 4_000_000, 75.87)];
  const rows = savingRows({ dense, runs }, ['25 %', 'r1', 'r2']);
  expect(rows).toEqual([
    ['25 %', '7.32 MB', '−8.5 %', '3.00 M', '−25.0 %', '79.79', '× 1.052'],
    ['r1', '2.79 MB', '−65.1 %', '4.00 M', 'the same', '76.43', '× 1.007'],
    ['r2', '8.80 MB', '+10.0 %', '4.00 M', 'the same', '75.87', '× 1.000'],
  ]);
  for (const row of rows) expect(row).toHaveLength(SAVED_HEADINGS.length);
});
