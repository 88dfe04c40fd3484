/** @file What a written file computes, compared with what it should: perplexities and logits. */
import { WhittleError } from '../../errors/errors.ts';

/** Largest relative difference between two perplexities of the same windows (invariant 3). */
export const PERPLEXITY_TOLERANCE = 1e-3;

/**
 * The same for one of `windows` whose mean is held to {@link PERPLEXITY_TOLERANCE}. Errors that know nothing of each other are √windows
 * larger in one than in their mean, and the largest of some dozens seldom more than three times what is usual.
 */
export function windowTolerance(windows: number): number {
  return windows === 1 ? PERPLEXITY_TOLERANCE : 3 * Math.sqrt(windows) * PERPLEXITY_TOLERANCE;
}

/** Two perplexities of the same tokens. */
export interface Comparison {
  found: number;
  expected: number;
  /** Where the file ran, if there is more than one place: " in …". */
  where?: string;
  /** What the expected one is of: "the app". */
  against: string;
  /** Relative; absent: {@link PERPLEXITY_TOLERANCE}. */
  tolerance?: number;
  /** Whether linears of the model round what they read. */
  isRounded?: boolean;
}

/** Throws `verification_failed`, also where either is no number. */
export function assertClose(comparison: Comparison): void {
  const { found, expected, where = '', against, tolerance = PERPLEXITY_TOLERANCE, isRounded } = comparison;
  if (Math.abs(found / expected - 1) <= tolerance) return;
  throw new WhittleError({
    code: 'verification_failed',
    message: `The exported file gives a perplexity of ${found.toPrecision(6)}${where}, ${against} ${expected.toPrecision(6)}.`,
    allowed: `a relative difference of at most ${Number(tolerance.toPrecision(2))}`,
    action: isRounded ? ROUNDED : REPORT,
  });
}

const REPORT =
  'The file was removed. Measure and export on the other backend (WebGPU or CPU), or in another format; and please report this.';
/**
 * Not a fault: where inputs are rounded, a last digit that differs tips a rounding over, and that all behind it. Of SmolLM2-135M with int8
 * inputs, noise of 1e-7 in attention's scale moves the app's own perplexity by 0.3 to 2 % (384 tokens).
 */
const ROUNDED =
  'The file was removed. Layers of this model round what they read, where a difference in the last digit becomes a whole step: with many layers two programs differ by more than is allowed, both being right. Export safetensors, which has these weights and leaves inputs as they are, or the result of a recipe that does so (gptq, awq, rtn).';

/** Throws `verification_failed` where these are not the logits of `tokens` tokens. */
export function assertLogits(found: Float32Array, tokens: number, vocabulary: number): void {
  const expected = tokens * vocabulary;
  if (found.length === expected) return;
  throw new WhittleError({
    code: 'verification_failed',
    message: `The exported file gives ${found.length} logits for the first ${tokens} tokens.`,
    allowed: `${expected}: ${tokens} tokens × the vocabulary`,
    action: 'The file was removed. This is a fault in Whittle: please report it.',
  });
}

/** max |Δ|. @param found Each as long as `app`. */
export function largestDifference(app: Float32Array, found: readonly Float32Array[]): number {
  let largest = 0;
  for (const logits of found) {
    for (let i = 0; i < logits.length; i++) largest = Math.max(largest, Math.abs(app[i] - logits[i]));
  }
  return largest;
}
