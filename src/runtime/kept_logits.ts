/**
 * @file Logits of the dense model that stay on the device from its evaluation on, for the models that are compared with it. A comparison
 * would compute them a second time, which takes a software adapter seconds.
 */
import type { BackendInfo, Tensor } from '../backend/backend.ts';
import type { Shape } from '../tensor/shape.ts';
import { vocabularyBlockRows } from './budgets.ts';
import { rowsPerBatch, type Widths, type WindowBatch, windowsPerBatch } from './windows.ts';

/** Bytes of logits that are kept at most. */
const KEPT_DENSE_LOGITS_BYTES = 96 * 1024 * 1024;

/** Of one batch. */
export interface DenseLogits {
  /** (rows, vocabulary). */
  logits: Tensor;
  /** (rows, 4), of `cross_entropy` over all of them. */
  state: Tensor;
}

export class KeptLogits {
  private readonly batches = new Map<string, DenseLogits>();
  private left = KEPT_DENSE_LOGITS_BYTES;

  get isEmpty(): boolean {
    return this.batches.size === 0;
  }

  /** Whether logits of so many rows are to be kept. */
  takes(rows: number, vocabulary: number): boolean {
    return bytesOf(rows, vocabulary) <= this.left;
  }

  /** They are its own from now on. */
  put(batch: WindowBatch, kept: DenseLogits): void {
    const [rows, vocabulary] = kept.logits.shape;
    this.left -= bytesOf(rows, vocabulary);
    this.batches.set(keyOf(batch), kept);
  }

  /** Of exactly these windows: groups of another size are computed anew. */
  get(batch: WindowBatch): DenseLogits | undefined {
    return this.batches.get(keyOf(batch));
  }

  clear(): void {
    for (const { logits, state } of this.batches.values()) {
      logits.dispose();
      state.dispose();
    }
    this.batches.clear();
    this.left = KEPT_DENSE_LOGITS_BYTES;
  }
}

/**
 * Where they are kept: on software adapters, which compute slowly and whose memory is the machine's, and where two heads are compared
 * in one block of the vocabulary.
 * @param rows Of a batch.
 */
export function keepsLogits(
  { isFallbackAdapter, maxTensorBytes }: Pick<BackendInfo, 'isFallbackAdapter' | 'maxTensorBytes'>,
  vocabulary: number,
  columns: number,
  rows: number,
): boolean {
  return (
    isFallbackAdapter &&
    vocabularyBlockRows(vocabulary, columns, 2 * Math.max(columns, rows), maxTensorBytes) >= vocabulary
  );
}

/** Bytes of what is kept of all windows, as far as it fits. @param head Its shape. @param model Whose batches they are. */
export function keptLogitsBytes(
  info: Pick<BackendInfo, 'kind' | 'isFallbackAdapter' | 'maxTensorBytes'>,
  { seqlen, eval_samples }: { seqlen: number; eval_samples: number },
  [vocabulary, columns]: Shape,
  model: Widths,
): number {
  const rows = seqlen * windowsPerBatch({ seqlen }, rowsPerBatch(info, model));
  if (!keepsLogits(info, vocabulary, columns, rows)) return 0;
  return Math.min(KEPT_DENSE_LOGITS_BYTES, bytesOf(seqlen * eval_samples, vocabulary));
}

function bytesOf(rows: number, vocabulary: number): number {
  return 4 * rows * (vocabulary + 4);
}

function keyOf({ first, count }: WindowBatch): string {
  return `${first}+${count}`;
}
