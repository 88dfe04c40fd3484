/**
 * @file `Method`: what every way to compress a model looks like from outside. A method turns a `DecoderModel` into another
 * `DecoderModel`, layer by layer, writing new weights to a scratch store as it goes, so that peak memory is one layer plus
 * the calibration activations.
 */
import type { Backend, Tensor } from '../backend/backend.ts';
import type { DecoderModel, ModelOutline } from '../models/decoder_model.ts';
import type { ScratchStore } from '../models/scratch.ts';
import type { BatchStates, SpillOptions } from '../runtime/spill.ts';
import type { TokenWindows } from '../runtime/windows.ts';
import type { ExampleFile, ExampleNeed, Template } from './examples/examples.ts';
import type { LinearReads } from './layerwise_types.ts';
import type { OptionsSchema } from './options/fields.ts';
import type { JobMemory, MemoryPlan } from './slicegpt/estimate.ts';
import type { CheckpointStore } from './train/checkpoint.ts';
import type { TrainingPoint, TrainingReport } from './train/report.ts';
import type { TrainedAdapter } from './train/trained_adapter.ts';

export interface CompressionContext {
  readonly backend: Backend;
  readonly calibration: TokenWindows;
  readonly scratch: ScratchStore;
  /** Where calibration states wait that exceed a budget of device memory; absent: all of them stay on the device. */
  readonly spill?: SpillOptions;
  readonly signal: AbortSignal;
  readonly observer: CompressionObserver;
  /**
   * Where a pass over layers puts down what it has finished; absent: a pass that is broken off begins anew. Not for a pass that
   * gathers anything beside the model, which finished layers would be missing from.
   */
  readonly checkpoints?: LayerCheckpoints;
}

/**
 * Finished layers of one pass, so that another engine goes on behind the last of them with the same bits as an unbroken run:
 * new layers, what was reported of them, and the streams as they enter the next layer.
 */
export interface LayerCheckpoints {
  /** What a pass of the same kind on the same input had put down last. The streams that are named are filled. */
  take<T>(streams: Readonly<Record<string, BatchStates>>): Promise<PassCheckpoint<T> | undefined>;
  /** After a layer. Often it does nothing: putting down may not cost more than a small part of the work. */
  save<T>(checkpoint: () => PassCheckpoint<T>, streams: Readonly<Record<string, BatchStates>>): Promise<void>;
}

export interface PassCheckpoint<T> {
  /** Layers that are finished. */
  readonly done: number;
  readonly layers: number;
  /** Plain values, typed arrays and weights. */
  readonly value: T;
  /** Matrices on the device. `take` gives them back there. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** Partial results while a method runs; every callback is optional for the method to use. */
export interface CompressionObserver {
  onProgress(progress: CompressionProgress): void;
  onSite?(site: SiteReport): void;
  /** A training measured its held-out windows. @param steps That it takes at most. */
  onTraining?(point: TrainingPoint, steps: number): void;
}

export interface CompressionProgress {
  /** Share of the whole work done, 0 … 1. */
  fraction: number;
  /** Absent where all layers work at once. */
  layer?: number;
  layers?: number;
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
  /** Places where SliceGPT chose a basis; other methods have none. */
  readonly sites: readonly SiteReport[];
  /** One for each linear (or table) that the method changed. */
  readonly units?: readonly UnitReport[];
  /** Of a method that trains. */
  readonly training?: TrainingReport;
  /** What a training learnt, where the model is its base with that added. */
  readonly adapter?: TrainedAdapter;
}

/** One place that a method changed, with figures that all methods share, so that they stand on one axis. */
export interface UnitReport {
  /** "model.layers.3.mlp.down_proj". */
  readonly unit: string;
  readonly layer?: number;
  /**
   * Share of what the unit gave that the change loses: tr(ΔGΔᵀ) / tr(WGWᵀ) with the inputs' Gram G; with its diagonal alone,
   * or ‖Δ‖²/‖W‖² where the method asked for no statistics. Of a layer that went: the mean over tokens of 1 − cos between the
   * stream before and behind what went.
   */
  readonly error: number;
  readonly measured: 'gram' | 'diagonal' | 'weights' | 'cosine';
  /** As it is stored now. */
  readonly bytes: number;
}

/** What a method is asked to do in one pass: itself, the modifiers that were written before it, and what runs with it. */
export interface PassContext extends CompressionContext {
  /** The model as it was opened. */
  readonly dense: DecoderModel;
  /** `correct`, and whatever else changes how each linear is handed over. */
  readonly before: readonly AnyStep[];
  /** `recover`: what a method does on its own way, because it was written behind it. */
  readonly after: readonly AnyStep[];
  /** What the caller keeps between runs on the dense model, by a name of the method's own; undefined where it keeps nothing. */
  recall?<T>(what: string): Promise<T> | undefined;
  /** From an importance matrix that was opened: mean x² of each input, by "LAYER.LINEAR", in place of the text's own. */
  readonly importance?: ReadonlyMap<string, Float64Array> | undefined;
  /** A file of prompts and answers that {@link Method.examples} named, in the model's own tokens. */
  readonly examples?: (file: string, template: Template) => ExampleFile;
  /** Where a training of this pass keeps how far it came; absent: nowhere. */
  readonly checkpoint?: CheckpointStore;
}

/** A step of a recipe with its options checked and complete. */
export interface AnyStep {
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A way to compress: one row of `registry.ts`, one folder under `compress/`. */
export interface Method<Options = never> {
  /** As recipes write it. */
  readonly name: string;
  readonly about: About;
  readonly options: OptionsSchema<Options>;
  /**
   * `step` (the default) makes a model of a model. A `modifier` acts within the next step's pass, on what that step changes;
   * a `follower` acts within the pass of the step before it.
   */
  readonly role?: 'step' | 'modifier' | 'follower';
  /** Afterwards the residual stream is in another basis than the dense model's: what compares the two cannot follow. */
  readonly rebases?: true;
  /** Its loops beat throughout (`src/pulse`): silence of seconds is the death of its thread. */
  readonly beats?: true;
  /** Afterwards layers have no counterpart in the dense model: what compares the two layer by layer cannot follow. */
  readonly dropsLayers?: true;
  /**
   * Where it compares itself with the dense model layer by layer with these options, as modifiers do: how to write them so that it
   * does not ("delta=false").
   */
  readonly comparesDense?: (options: Options) => string | undefined;
  /** Modifiers and followers that this step takes into its pass, by name. */
  readonly takes?: readonly string[];
  /**
   * Why this model does not permit these options, as a sentence's second half; undefined where it does.
   * @param after What runs within the step, because it was written behind it.
   */
  refusal(model: ModelOutline, options: Options, after?: readonly AnyStep[]): string | undefined;
  /** The result without its numbers: parameters, bytes, memory and what formats can hold it follow from it. */
  plan(model: ModelOutline, options: Options): ModelOutline;
  /**
   * With these options only the text tells how sizes spread over the layers: the plan has the right number of parameters and
   * bytes, and each layer the same.
   */
  readonly spreads?: (options: Options) => boolean;
  /**
   * What it reads of the inputs of linears, where it is a pass over them: its memory follows from that. Absent where the text
   * is not run, and where `memory` says more.
   */
  readonly reads?: (options: Options) => LinearReads;
  /** Of a step that is no pass over linears and runs the text. @param after As for `refusal`. */
  readonly memory?: (model: ModelOutline, options: Options, plan: MemoryPlan, after: readonly AnyStep[]) => JobMemory;
  /** The file of prompts and answers that it learns from, as the recipe names it. Absent: none, whatever the options. */
  readonly examples?: (options: Options) => ExampleNeed | undefined;
  /** The result; `outlineOf` it is the plan, which the caller checks. Modifiers and followers have none. */
  run?(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel>;
}

export interface About {
  /** "GPTQ". */
  readonly label: string;
  /** "arXiv 2210.17323"; absent for what has no paper. */
  readonly paper?: string;
  readonly group: 'prune' | 'quantise' | 'factor' | 'slice' | 'recover' | 'train';
  /** What it does and when to use it, in a sentence or two. */
  readonly help: string;
}

/** Any row of the registry: options are checked by its own schema before they reach it. */
// biome-ignore lint/suspicious/noExplicitAny: the schema beside them is what makes them the right type.
export type AnyMethod = Method<any>;
