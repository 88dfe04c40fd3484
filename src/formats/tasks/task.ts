/** @file A multiple-choice task: examples whose right answer should be the likeliest text. */

/** One text to be scored: log p(continuation | context). */
export interface Candidate {
  readonly context: string;
  readonly continuation: string;
  /** The answer as it is written, by whose length `acc_norm` and `acc_bytes` divide. */
  readonly choice: string;
}

export interface Example {
  /** In the file, from 1. */
  readonly line: number;
  readonly candidates: readonly Candidate[];
  /** Index of the right one. */
  readonly gold: number;
}

export interface Task {
  /** The file's name without its ending. */
  readonly name: string;
  readonly file: string;
  /** As lm-evaluation-harness calls the form: "piqa". */
  readonly form: string;
  /** Whether answers differ in length, so that accuracy by length says something: not where one text follows all of them. */
  readonly has_norm: boolean;
  readonly examples: readonly Example[];
}
