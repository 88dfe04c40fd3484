/** @file What a training tells: its curve point by point, and how it ended. JSON. */

/** A place on the curve. */
export interface TrainingPoint {
  /** Steps taken before. */
  readonly step: number;
  /** Mean of the steps since the point before, each measured before it changed anything; absent at step 0. Nats a token. */
  readonly training_loss?: number;
  /** On windows that are not trained on: the loss that is lowered, and the perplexity of the text. */
  readonly held_out_loss: number;
  readonly held_out_perplexity: number;
}

export interface TrainingReport {
  /** What is lowered: "forward KL to the dense model". */
  readonly objective: string;
  readonly windows: { readonly training: number; readonly held_out: number; readonly seqlen: number };
  readonly trained_parameters: number;
  /** Steps that were asked for, and the step whose weights were kept. */
  readonly steps: number;
  readonly best_step: number;
  readonly curve: readonly TrainingPoint[];
  /** Of the weights as they are stored: rounding is in it. Absent where nothing was better than what came in. */
  readonly stored_held_out_loss?: number;
  /** Of the steps that this engine took, without what the dense model said beforehand and without held-out windows; 0 for none. */
  readonly tokens_per_second: number;
  /** What was learnt as factors of linears, which can be exported alone … */
  readonly adapter?: {
    readonly rank: number;
    readonly alpha: number;
    readonly linears: number;
    readonly parameters: number;
  };
  /** … or why it cannot, in a sentence. */
  readonly no_adapter?: string;
  /** Sentences for people: over-fitting, what was not trained, what rounding cost. */
  readonly notes: readonly string[];
}
