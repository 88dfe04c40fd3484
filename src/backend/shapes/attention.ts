/** @file Checks of attention and of the rotary embedding. */
import type { AttentionArgs, RotaryArgs, WriteRowsArgs } from '../backend.ts';
import {
  fail,
  matrix,
  requireAtLeast,
  requireDistinct,
  requireInteger,
  requireMatrix,
  requirePositive,
  requireVector,
} from './check.ts';

/** `half` = dim/2, the number of pairs a head; columns from dim on are left alone. */
export function checkRotary(args: RotaryArgs): { rows: number; row_stride: number; half: number } {
  const { states, cos, sin, seqlen, heads, head_dim } = args;
  requireInteger('rotary', 'seqlen', seqlen, 1);
  requireInteger('rotary', 'heads', heads, 1);
  requireInteger('rotary', 'head_dim', head_dim, 2);
  const [rows, row_stride] = matrix('rotary', 'states', states);
  if (row_stride !== heads * head_dim) {
    fail('rotary', `states has ${row_stride} columns`, `heads · head_dim = ${heads * head_dim}`, states);
  }
  if (rows % seqlen !== 0) fail('rotary', `states has ${rows} rows`, `a multiple of seqlen ${seqlen}`, states);
  const [positions, half] = matrix('rotary', 'cos', cos);
  requireAtLeast('rotary', 'rows of cos', positions, seqlen, cos);
  if (2 * half > head_dim) fail('rotary', `cos has ${half} columns`, `at most head_dim/2 = ${head_dim / 2}`, cos);
  requireMatrix('rotary', 'sin', sin, positions, half);
  requireDistinct('rotary', states, cos, sin);
  return { rows, row_stride, half };
}

/** `group`: query heads that share one key/value head. */
export function checkAttention(args: AttentionArgs): { rows: number; batch: number; group: number } {
  const { query, key, value, output, seqlen, heads, kv_heads, head_dim } = args;
  for (const [name, size] of Object.entries({ seqlen, heads, kv_heads, head_dim })) {
    requireInteger('attention', name, size, 1);
  }
  if (heads % kv_heads !== 0) {
    fail('attention', `${heads} heads share ${kv_heads} key/value heads`, 'a whole number of heads for each');
  }
  const [rows] = matrix('attention', 'query', query);
  if (rows % seqlen !== 0) fail('attention', `query has ${rows} rows`, `a multiple of seqlen ${seqlen}`, query);
  requireMatrix('attention', 'query', query, rows, heads * head_dim);
  const kept = requireKept(args, rows);
  requireMatrix('attention', 'key', key, kept, kv_heads * head_dim);
  requireMatrix('attention', 'value', value, kept, kv_heads * head_dim);
  requireMatrix('attention', 'output', output, rows, heads * head_dim);
  if (args.window !== undefined) requireInteger('attention', 'window', args.window, 1);
  if (args.soft_cap !== undefined) requirePositive('attention', 'soft_cap', args.soft_cap);
  if (args.slopes) requireVector('attention', 'slopes', args.slopes, heads);
  requireDistinct('attention', output, query, key, value, args.slopes);
  return { rows, batch: rows / seqlen, group: heads / kv_heads };
}

/** Rows of keys and values: as many as queries, or those of a cache that holds them and what came before. */
function requireKept({ key, seqlen, past }: AttentionArgs, rows: number): number {
  if (past === undefined) return rows;
  requireInteger('attention', 'past', past, 0);
  if (rows !== seqlen) fail('attention', `${rows / seqlen} sequences with kept keys`, 'one sequence');
  const [kept] = matrix('attention', 'key', key);
  if (kept < past + seqlen) fail('attention', `keys of ${kept} positions`, `at least ${past + seqlen}`, key);
  return kept;
}

/** @returns Rows that are written, and their length. */
export function checkWriteRows({ source, output, first_row }: WriteRowsArgs): { rows: number; columns: number } {
  const [rows, columns] = matrix('write_rows', 'source', source);
  const [most] = matrix('write_rows', 'output', output);
  requireMatrix('write_rows', 'output', output, most, columns);
  requireInteger('write_rows', 'first_row', first_row, 0);
  if (first_row + rows > most) fail('write_rows', `rows ${first_row} … ${first_row + rows}`, `at most ${most}`, output);
  requireDistinct('write_rows', output, source);
  return { rows, columns };
}
