/** @file What models wrote behind one prompt, in report.json. */
import type { SamplingOptions } from '../runtime/decode/sampling.ts';
import type { GeneratedText } from './protocol.ts';

export interface PromptFigures {
  text: string;
  /** Put into words by the model's chat template. */
  is_chat: boolean;
  /** What the model went on from, and its tokens. */
  given: string;
  tokens: number;
  max_tokens: number;
  sampling: SamplingOptions;
}

export interface TextFigures {
  text: string;
  tokens: number[];
  stopped: GeneratedText['stopped'];
  /** After the first token; null for one token. */
  tokens_per_second: number | null;
  /** Index of the first token that is not the dense model's; null where all are. Absent for the dense model. */
  first_difference?: number | null;
}

export function textFigures(found: GeneratedText, dense?: GeneratedText): TextFigures {
  const { text, tokens, stopped, tokens_per_second } = found;
  const first_difference = dense && firstDifference(tokens, dense.tokens);
  return { text, tokens, stopped, tokens_per_second, ...(first_difference !== undefined && { first_difference }) };
}

/** Index where two texts part, null where they are the same; one that goes on parts where the other ends. */
export function firstDifference(one: readonly number[], other: readonly number[]): number | null {
  const length = Math.max(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return i;
  return null;
}
