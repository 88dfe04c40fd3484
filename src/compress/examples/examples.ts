/** @file Prompts and answers that a step learns from: what it asks of their file, and how they become tokens of the open model. */
import type { Pair } from '../../formats/pairs/read_pairs.ts';

/** `chat`: as messages, in the model's own chat template; `plain`: as text; `auto`: chat where the model has a template. */
export type Template = 'auto' | 'chat' | 'plain';

/** What a step asks of a file that the recipe names. */
export interface ExampleNeed {
  readonly file: string;
  /** What every pair must have beside its prompt. */
  readonly needs: readonly ('completion' | 'rationale')[];
  /** The teacher writes what is missing, so that a file of prompts alone will do. */
  readonly writes?: boolean;
}

export type Question = Pick<Pair, 'prompt' | 'message'>;

/** An example that stands before a question. */
export interface Shot {
  readonly question: Question;
  readonly answer: string;
}

/** Tokens of a prompt with its answer. */
export interface ExampleTokens {
  readonly ids: Uint32Array;
  /** Index of the first token of the answer, at least 1: what stands before is not learnt. */
  readonly from: number;
}

/** From texts to tokens. All throw `bad_chat_template`, `bad_tokenizer`, `bad_text`. */
export interface Wording {
  /** What the model goes on from when it is asked. */
  asked(shots: readonly Shot[], question: Question): Promise<Uint32Array>;
  /** The same with the answer, and the token that ends it where the model has one. */
  answered(shots: readonly Shot[], question: Question, answer: string): Promise<ExampleTokens>;
  /** The text of what a model wrote. */
  text(ids: readonly number[]): string;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
}

export interface ExampleFile {
  readonly file: string;
  readonly pairs: readonly Pair[];
  readonly wording: Wording;
}
