/** @file CPU twin of `embedding`: output[r, :] = weight[input_ids[r] − first_row, :]. */
import type { EmbeddingArgs } from '../backend.ts';
import { checkEmbedding } from '../shapes.ts';
import { floats, ids } from './tensor.ts';

export function embedding(args: EmbeddingArgs): void {
  const { rows, d, table_rows } = checkEmbedding(args);
  const input_ids = ids(args.input_ids);
  const weight = floats(args.weight);
  const output = floats(args.output);
  for (let row = 0; row < rows; row++) {
    const token = input_ids[row] - args.first_row;
    if (token < 0 || token >= table_rows) continue; // another part of the table holds it
    output.set(weight.subarray(token * d, (token + 1) * d), row * d);
  }
}
