/**
 * @file How much of each thing is on the device at once. The runtime keeps to these bounds and the planner (`estimate.ts`)
 * counts with them.
 */

/** Bytes, as f32, of table rows that embedding has on the device. */
export const MAX_TABLE_BYTES = 32 * 1024 * 1024;

/** Bytes of calibration states on the device, unless a job says otherwise: 16 batches of a 7 B model. */
export const DEFAULT_STATE_BUDGET = 512 * 1024 * 1024;

/** Bytes of hidden states, as f32, that a group of evaluation windows has on the device. */
const GROUP_STATE_BYTES = 128 * 1024 * 1024;

/**
 * Bytes, as f32, of what layers gave on the way up, kept for the way down of a reverse pass: 25 of 30 layers of 576 for 512 tokens. A
 * layer that is not kept adds a hundredth to a step's work; all would bring the page close to half of the memory that torch takes.
 */
export const KEPT_LAYER_BYTES = 256 * 1024 * 1024;

/** Bytes, as f32, of logits that a loss keeps from one pass over the vocabulary to the next. */
export const KEPT_LOGITS_BYTES = 208 * 1024 * 1024;

/** Elements of one block of a table or of the head, and of its logits. */
const MAX_BLOCK_ELEMENTS = 8 * 1024 * 1024;

/** Stored bytes of the next layer that wait on the host while the device works: all of it up to models of 1 B. */
export const READ_AHEAD_BYTES = 128 * 1024 * 1024;

/** Bytes of a layer, as f32, up to which it is on the device whole: larger ones go through half by half. */
export const WHOLE_LAYER_BYTES = 256 * 1024 * 1024;

/** Whether a sequential layer of so many elements goes through half by half. */
export function isHalved(elements: number): boolean {
  return 4 * elements > WHOLE_LAYER_BYTES;
}

/** Stored bytes of a large weight that are on the host at once while a CPU backend decodes it. */
export const DECODED_BYTES = 16 * 1024 * 1024;

/** Of a layer's stored bytes, those on the host at once: what was read ahead, and the weight that is being decoded. */
export function mostAhead(layer_bytes: number, largest_weight: number): number {
  return Math.min(layer_bytes, READ_AHEAD_BYTES + largest_weight);
}

/** Windows that `evaluate` lets through the model together at most. */
export function mostWindowsPerGroup(seqlen: number, hiddenSize: number): number {
  return Math.max(1, Math.floor(GROUP_STATE_BYTES / (4 * seqlen * hiddenSize)));
}

/** How much larger a group of evaluation windows may be than the one before. */
export const GROUP_GROWTH = 8;

/**
 * The first group, of so many windows, where it is known to be soon through: as many as a group grows by. Of fewer windows it is
 * one as ever, as all of them would take twice the memory that a slow machine's groups do, and plans are for any machine.
 */
export function firstGroup(windows: number, seqlen: number, hiddenSize: number): number {
  return windows < GROUP_GROWTH ? 1 : Math.min(GROUP_GROWTH, mostWindowsPerGroup(seqlen, hiddenSize));
}

/**
 * The largest group of so many windows: groups begin at one, or at {@link firstGroup}, and grow by {@link GROUP_GROWTH} at most
 * (`evaluate`).
 */
export function largestGroup(windows: number, seqlen: number, hiddenSize: number): number {
  const most = mostWindowsPerGroup(seqlen, hiddenSize);
  const begun = (first: number): number => {
    let group = first;
    for (let left = windows - first; left > 0; left -= group) {
      const next = Math.min(GROUP_GROWTH * group, most, left);
      if (next <= group) break;
      group = next;
    }
    return group;
  };
  return Math.max(begun(1), begun(firstGroup(windows, seqlen, hiddenSize)));
}

/** Rows of the head, a matrix with `columns` columns, that are on the device beside logits of so many tokens. */
export function vocabularyBlockRows(
  vocabulary: number,
  columns: number,
  tokenRows: number,
  maxTensorBytes: number,
): number {
  const elements = Math.min(MAX_BLOCK_ELEMENTS, Math.floor(maxTensorBytes / 4));
  // Multiples of 8 keep every block on the fast matrix kernels.
  const fit = Math.floor(elements / Math.max(columns, tokenRows) / 8) * 8;
  return Math.min(vocabulary, Math.max(8, fit));
}

/** Rows of a table with `columns` columns that are rotated and stored together. */
export function tableBlockRows(columns: number, maxTensorBytes: number): number {
  const elements = Math.min(MAX_BLOCK_ELEMENTS, Math.floor(maxTensorBytes / 4));
  return Math.max(1, Math.floor(elements / columns));
}
