/** @file How attention is cut into dispatches. Pure. */

export interface AttentionSizes {
  batch: number;
  seqlen: number;
  heads: number;
  head_dim: number;
  /** Position of the first query. */
  past?: number;
  /** Keys that a query sees at most, its own included; at most all. */
  window: number;
}

/** The queries of one dispatch: some positions of some sequences, for some heads. */
export interface AttentionPiece {
  first_position: number;
  positions: number;
  first_head: number;
  head_count: number;
  first_sequence: number;
  sequences: number;
}

/** Multiply-adds of a piece: the score and the weighted value of every key that a query sees. */
export function attentionMacs(
  { first_position: first, positions, head_count, sequences }: Omit<AttentionPiece, 'first_head' | 'first_sequence'>,
  { head_dim, window }: Pick<AttentionSizes, 'head_dim' | 'window'>,
): number {
  const keys = keysSeen(first + positions, window) - keysSeen(first, window);
  return 2 * head_dim * head_count * sequences * keys;
}

/** By the first `positions` queries of a sequence together. */
function keysSeen(positions: number, window: number): number {
  const growing = Math.min(positions, window);
  return (growing * (growing + 1)) / 2 + (positions - growing) * window;
}

/**
 * Whole sequences as long as they fit. A longer one is cut along its positions, where later queries see more keys and so come
 * in fewer rows, and along its heads only where a workgroup of rows is still too much: heads run beside each other and
 * keep the device busy.
 * @param rows Positions are cut at multiples of this, the rows of a workgroup, so that each computes the same in any piece.
 * @param mostMacs Multiply-adds of one piece; at least the rows of a workgroup and one head go together.
 */
export function attentionPieces(sizes: AttentionSizes, rows: number, mostMacs: number): AttentionPiece[] {
  const { batch, seqlen, heads, past = 0 } = sizes;
  const whole = { first_position: past, positions: seqlen, first_head: 0, head_count: heads };
  const fitting = Math.floor(mostMacs / attentionMacs({ ...whole, sequences: 1 }, sizes));
  if (fitting > 0) {
    return steps(batch, fitting).map(([first_sequence, sequences]) => ({ ...whole, first_sequence, sequences }));
  }
  const pieces: AttentionPiece[] = [];
  for (let first_position = past; first_position < past + seqlen; ) {
    const macs = (positions: number, head_count: number) =>
      attentionMacs({ first_position, positions, head_count, sequences: 1 }, sizes);
    const left = past + seqlen - first_position;
    let positions = Math.min(rows, left);
    while (positions < left && macs(Math.min(positions + rows, left), heads) <= mostMacs) {
      positions = Math.min(positions + rows, left);
    }
    const together = Math.max(1, Math.floor(mostMacs / macs(positions, 1)));
    for (const [first_head, head_count] of steps(heads, together)) {
      pieces.push({ first_position, positions, first_head, head_count, first_sequence: 0, sequences: 1 });
    }
    first_position += positions;
  }
  return steps(batch, 1).flatMap(([first_sequence]) => pieces.map((piece) => ({ ...piece, first_sequence })));
}

/** 0 … size in even stretches of at most `most`, as [first, count]. */
function steps(size: number, most: number): [first: number, count: number][] {
  const even = Math.ceil(size / Math.ceil(size / most));
  return Array.from({ length: Math.ceil(size / even) }, (_, i) => [i * even, Math.min(even, size - i * even)]);
}
