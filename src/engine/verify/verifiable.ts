/**
 * @file What onnxruntime-web cannot verify in its 4 GB, not even in parts: known from shapes, so it is said before anything
 * is written.
 */
import { WhittleError } from '../../errors/errors.ts';
import { weightRoles } from '../../export/map_weights.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { elementCount } from '../../tensor/shape.ts';

/** Of one matrix in f32; a session holds it about three times while it begins. */
const MOST_MATRIX_BYTES = 1.2e9;
/** Of what one window needs beside weights. */
const MOST_WINDOW_BYTES = 2e9;

/** Throws `limit_exceeded` for a matrix, `bad_option` for windows that are too long. */
export function assertVerifiable(model: DecoderModel, seqlen: number): void {
  for (const [ref, role] of weightRoles(model)) {
    // Tables and heads are taken by rows and by blocks.
    if (role === 'table' || role === 'head' || 4 * elementCount(ref.shape) <= MOST_MATRIX_BYTES) continue;
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `The matrix [${ref.shape.join(', ')}] takes ${gigabytes(4 * elementCount(ref.shape))} in f32, too much for onnxruntime-web in a browser to check the file.`,
      place: { tensor: ref.name },
      allowed: `${gigabytes(MOST_MATRIX_BYTES)} for a matrix of a layer`,
      action: 'Export it as safetensors, which Whittle checks itself.',
    });
  }
  const [longest, what] = longestWindow(model);
  if (seqlen <= longest) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `Windows have ${seqlen} tokens: their ${what} would take more than the ${gigabytes(MOST_WINDOW_BYTES)} in which onnxruntime-web checks the file.`,
    place: { field: 'seqlen' },
    allowed: `windows of at most ${longest} tokens for this model`,
    action: 'Choose shorter windows, measure again, and export.',
  });
}

/** Scores of all heads of a layer, with the copies that a softmax makes; logits, of which the app holds two. */
function longestWindow({ layers, lm_head }: DecoderModel): [number, string] {
  const heads = Math.max(1, ...layers.map(({ attention }) => attention.num_attention_heads));
  const byScores = Math.floor(Math.sqrt(MOST_WINDOW_BYTES / (3 * 4 * heads)));
  const byLogits = Math.floor(MOST_WINDOW_BYTES / (2 * 4 * lm_head.weight.shape[0]));
  return byScores <= byLogits ? [byScores, 'attention scores'] : [byLogits, 'logits'];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
