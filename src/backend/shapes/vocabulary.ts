/** @file Checks of the kernels that take token ids. */
import { elementCount } from '../../tensor/shape.ts';
import type { CompareLogitsArgs, CrossEntropyArgs, EmbeddingArgs } from '../backend.ts';
import { fail, matrix, requireDistinct, requireIds, requireInteger, requireMatrix } from './check.ts';

export function checkEmbedding(args: EmbeddingArgs): { rows: number; d: number; table_rows: number } {
  const [table_rows, d] = matrix('embedding', 'weight', args.weight);
  const rows = elementCount(args.input_ids.shape);
  requireIds('embedding', 'input_ids', args.input_ids, rows);
  requireMatrix('embedding', 'output', args.output, rows, d);
  requireInteger('embedding', 'first_row', args.first_row, 0);
  requireDistinct('embedding', args.output, args.weight);
  return { rows, d, table_rows };
}

export function checkCrossEntropy(args: CrossEntropyArgs): { rows: number; n: number } {
  const [rows, n] = matrix('cross_entropy', 'logits', args.logits);
  requireIds('cross_entropy', 'target_ids', args.target_ids, rows);
  requireMatrix('cross_entropy', 'state', args.state, rows, 4);
  requireInteger('cross_entropy', 'first_column', args.first_column, 0);
  requireDistinct('cross_entropy', args.state, args.logits);
  return { rows, n };
}

/** Columns are kept as f32, which has every whole number up to here. */
const MOST_COLUMNS = 2 ** 24;

export function checkCompareLogits(args: CompareLogitsArgs): { rows: number; n: number } {
  const name = 'compare_logits';
  const { dense, own, dense_state, own_state, first_column, state } = args;
  const [rows, n] = matrix(name, 'dense', dense);
  requireMatrix(name, 'own', own, rows, n);
  requireMatrix(name, 'dense_state', dense_state, rows, 4);
  requireMatrix(name, 'own_state', own_state, rows, 4);
  requireMatrix(name, 'state', state, rows, 8);
  requireInteger(name, 'first_column', first_column, 0);
  if (first_column + n > MOST_COLUMNS) fail(name, `the block ends at ${first_column + n}`, `at most ${MOST_COLUMNS}`);
  requireDistinct(name, state, dense, own, dense_state, own_state);
  return { rows, n };
}
