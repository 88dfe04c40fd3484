/**
 * @file `CompressionMethod`: what every way to compress a model looks like from outside. A method turns a
 * `DecoderModel` into another `DecoderModel`, layer by layer, writing new weights to a scratch store as it goes, so that
 * peak memory is one layer plus the calibration activations.
 */
import type { Backend } from '../backend/backend.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import type { ScratchStore } from '../models/scratch.ts';
import type { SpillOptions } from '../runtime/spill.ts';
import type { TokenWindows } from '../runtime/windows.ts';

export interface CompressionContext {
  readonly backend: Backend;
  readonly calibration: TokenWindows;
  readonly scratch: ScratchStore;
  /** Where calibration states wait that exceed a budget of device memory; absent: all of them stay on the device. */
  readonly spill?: SpillOptions;
  readonly signal: AbortSignal;
  readonly observer: CompressionObserver;
}

/** Partial results while a method runs; every callback is optional for the method to use. */
export interface CompressionObserver {
  onProgress(progress: CompressionProgress): void;
  onSite?(site: SiteReport): void;
}

export interface CompressionProgress {
  /** Share of the whole work done, 0 … 1. */
  fraction: number;
  layer: number;
  layers: number;
  /** What is being done to that layer, for people: "MLP covariance". */
  step: string;
  /** Tokens of calibration text that went through a layer so far. */
  tokens: number;
}

/** One place of the residual stream where a basis was chosen, with the certificate of its Q (invariant 5). */
export interface SiteReport {
  /** 0 … 2L: 0 is the embedding, 2l+1 the MLP input of layer l, 2l+2 the output of layer l. */
  site: number;
  label: string;
  /** Descending; Σ over tokens of the squared coordinate along each eigenvector. */
  eigenvalues: Float64Array;
  dimension: number;
  /** Share of Σλ beyond `dimension`. */
  discarded_energy: number;
  certificate: Certificate;
}

/** How good the basis of a site is, in figures of f64 and in words (invariant 5). */
export interface Certificate {
  /** max |QᵀQ − I|. */
  orthogonality_error: number;
  /** ‖HQ − QΛ‖_F / ‖H‖_F. */
  residual: number;
  /** The two in units of n·ulp; a backward stable solver stays below 10. */
  orthogonality_ulp: number;
  residual_ulp: number;
  /** 2⁻²³ where Q is stored in f32, 2⁻⁵² where in f64. */
  ulp: number;
  /** How these were measured: all entries in f64, or random probes. */
  measured: 'exact' | 'probes';
  kept_energy: KeptEnergy;
  /** Directions that can be told from rounding; fewer than are kept where the calibration text does not use more. */
  rank: number;
  /** Dominant directions that were taken out of the covariance in f64 before it was decomposed in f32. */
  deflated: number;
  verdict: Verdict;
  solver: string;
  sweeps: number;
}

/** How much less energy the kept directions hold than the best ones, as a share of that outside the largest eigenvalue. */
export interface KeptEnergy {
  loss: number;
  /** Against the f64 eigenvalues of the same covariance, or an estimate from above. */
  kind: 'measured' | 'bound';
  /** Kept directions that it is told for: those that were kept, or three quarters where that is not decided yet. */
  dimension: number;
}

export type Verdict = 'as good as f64' | 'good' | `poor: ${string}`;

export interface CompressedModel {
  readonly model: DecoderModel;
  readonly sites: readonly SiteReport[];
}

export interface CompressionMethod<Options> {
  readonly name: string;
  compress(model: DecoderModel, options: Options, context: CompressionContext): Promise<CompressedModel>;
}
