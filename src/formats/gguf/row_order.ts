/**
 * @file In which order llama.cpp's converter stores the rows of a weight. Everything it does keeps blocks of head_dim
 * rows together, so an order says where each block lies, and how rows lie inside it. Source: convert_hf_to_gguf.py of
 * llama.cpp (`permute`, and the fused projections of BLOOM, GPT-NeoX and Falcon).
 */

export interface RowOrder {
  /** Rows of a block: head_dim. */
  readonly block_rows: number;
  /** The block of the file that holds block `i` of the Hugging Face tensor. */
  stored_block(i: number): number;
  /** The row of that block in the file that holds row `i` of the block; absent: the same row. */
  readonly stored_row?: (i: number) => number;
}

/** Rows as they are, from row `first` of the file on. */
export function rowsFrom(first: number, block_rows: number): RowOrder {
  return { block_rows, stored_block: (i) => i + first / block_rows };
}

/**
 * Queries and keys where rotary pairs are (i, i + d/2) in Hugging Face and (2i, 2i + 1) in the file: row i of the first
 * half is stored at 2i, row i of the second half at 2i + 1.
 */
export function interleavedHeads(head_dim: number): RowOrder {
  const half = head_dim / 2;
  return {
    block_rows: head_dim,
    stored_block: (i) => i,
    stored_row: (i) => (i < half ? 2 * i : 2 * (i - half) + 1),
  };
}

/**
 * A fused projection with all queries, then all keys, then all values in the file. In Hugging Face each group of
 * `heads / key_value_heads` queries is followed by its key and its value: with one query a group that is BLOOM's and
 * GPT-NeoX's (q, k, v) of each head, with more of them Falcon's.
 */
export function groupedHeads(heads: number, key_value_heads: number, head_dim: number): RowOrder {
  const queries = heads / key_value_heads;
  return {
    block_rows: head_dim,
    stored_block(i) {
      const group = Math.floor(i / (queries + 2));
      const member = i % (queries + 2);
      if (member < queries) return group * queries + member;
      return member === queries ? heads + group : heads + key_value_heads + group;
    },
  };
}
