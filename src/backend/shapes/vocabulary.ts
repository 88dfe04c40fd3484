/** @file Checks of the kernels that take token ids. */
import { elementCount } from '../../tensor/shape.ts';
import type { CompareLogitsArgs, CrossEntropyArgs, EmbeddingArgs } from '../backend.ts';
import { COMPARED } from '../compared_logits.ts';
import { matrix, requireDistinct, requireIds, requireInteger, requireMatrix } from './check.ts';

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

export function checkCompareLogits(args: CompareLogitsArgs): { rows: number; n: number } {
  const [rows, n] = matrix('compare_logits', 'dense', args.dense);
  requireMatrix('compare_logits', 'own', args.own, rows, n);
  requireIds('compare_logits', 'target_ids', args.target_ids, rows);
  requireMatrix('compare_logits', 'state', args.state, rows, COMPARED);
  requireInteger('compare_logits', 'first_column', args.first_column, 0);
  requireDistinct('compare_logits', args.state, args.dense, args.own);
  return { rows, n };
}
