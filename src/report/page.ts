/** @file What an HTML report tells: figures and settings by name, in the words of whoever made it. Nothing of the engine is known here. */

export interface Named {
  name: string;
  value: string;
}

/** One measured model: a row of the table, and a point where both axes know it. */
export interface ReportedModel {
  label: string;
  kind: 'dense' | 'run' | 'file';
  /** "embed + correct + gptq": points of a colour; empty for the dense model. */
  methods: string;
  /** Bytes of the weights, perplexity and its standard error; null: not measured. */
  bytes: number | null;
  perplexity: number | null;
  error: number | null;
  /** Cells behind the label, as many as there are columns. */
  cells: readonly string[];
}

/** A running mean over windows. */
export interface ReportedCurve {
  label: string;
  perplexities: readonly number[];
}

export interface ReportedSpectrum {
  label: string;
  /** Largest first. */
  eigenvalues: ArrayLike<number>;
  /** Kept; all where nothing is cut. */
  dimension: number;
}

/** Shares by layer and row. */
export interface ReportedMap {
  title: string;
  meaning: string;
  layers: number;
  rows: readonly string[];
  cells: readonly { layer: number; row: string; value: number }[];
}

/** One training, as its run has it. */
export interface ReportedTraining {
  title: string;
  /** What was lowered. */
  objective: string;
  windows: { training: number; held_out: number; seqlen: number };
  /** Losses in nats a token; of training windows as a mean since the point before. */
  points: readonly { step: number; training_loss?: number | undefined; held_out_loss: number }[];
  /** Whose weights the run has. */
  kept_step: number;
  notes: readonly string[];
}

export interface ReportPage {
  /** The model's name. */
  title: string;
  /** When it was written: ISO 8601. */
  written: string;
  model: readonly Named[];
  protocol: readonly Named[];
  settings: readonly Named[];
  environment: readonly Named[];
  /** Of the table of models, behind its name. */
  columns: readonly string[];
  models: readonly ReportedModel[];
  curves: readonly ReportedCurve[];
  spectra: readonly ReportedSpectrum[];
  maps: readonly ReportedMap[];
  trainings: readonly ReportedTraining[];
  /** What opening found odd, what failed. */
  notes: readonly string[];
}
