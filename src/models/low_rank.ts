/** @file A low-rank adapter of a model: what training leaves, and what PEFT's files hold. */
import type { DecoderModel, WeightRef } from './decoder_model.ts';

/** base + (alpha / rank)·B·A. Plain values and weights. */
export interface LowRankAdapter {
  /** What was trained. */
  readonly base: DecoderModel;
  readonly rank: number;
  readonly alpha: number;
  readonly factors: readonly LinearFactors[];
}

export interface LinearFactors {
  /** Of the base: (out, in). */
  readonly weight: WeightRef;
  /** (rank, in). */
  readonly A: WeightRef;
  /** (out, rank). */
  readonly B: WeightRef;
}
