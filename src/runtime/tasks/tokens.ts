/** @file Tokens of context and continuation, cut as lm-evaluation-harness cuts them (`TemplateLM._encode_pair`). */
import { WhittleError } from '../../errors/errors.ts';
import { trailingSpace } from '../../formats/tasks/python_text.ts';
import type { Candidate, Example, Task } from '../../formats/tasks/task.ts';
import type { Tokenizer } from '../../formats/tokenizer/tokenizer.ts';

/** What goes through the model, and what of it is scored. */
export interface ScoredTokens {
  /** All but the last token: nothing follows from that. */
  readonly inputs: Uint32Array;
  /** The tokens to be predicted; the last of them follows the last input, the others stand before. */
  readonly targets: Uint32Array;
  readonly is_truncated: boolean;
}

export interface TaskTokenizer {
  tokenizer: Pick<Tokenizer, 'encodePlain' | 'bos'>;
  /** Whether texts begin with BOS. */
  begins: boolean;
  /** Tokens that the model has positions for: longer texts lose their beginning. */
  positions: number;
}

/**
 * Blanks at the end of the context go to the continuation. Both are tokenised as one text; the continuation is what stands
 * behind as many tokens as the context has alone.
 * @throws `bad_jsonl` for a candidate without tokens, or with more than the model has positions for.
 */
export function scoredTokens(
  { tokenizer, begins, positions }: TaskTokenizer,
  task: Pick<Task, 'file'>,
  { line }: Pick<Example, 'line'>,
  candidate: Pick<Candidate, 'context' | 'continuation'>,
): ScoredTokens {
  const blanks = trailingSpace(candidate.context);
  const context = candidate.context.slice(0, candidate.context.length - blanks.length);
  const encode = (text: string) => withBos(tokenizer.encodePlain(text), begins ? tokenizer.bos : []);
  const whole = encode(context + blanks + candidate.continuation);
  const before = encode(context).length;
  const scored = whole.length - before;
  const bad = (message: string, action: string) =>
    new WhittleError({ code: 'bad_jsonl', message, place: { file: task.file, line }, action });
  const quoted = JSON.stringify(candidate.continuation);
  if (before === 0) {
    throw bad('There is nothing before the text that is to be scored.', 'Give the example a context, or leave it out.');
  }
  if (scored <= 0) {
    throw bad(
      `${quoted} adds no token to its context with this model's tokenizer.`,
      'Leave the example out, or write the answer out.',
    );
  }
  if (scored > positions) {
    throw bad(
      `${quoted.slice(0, 60)}… has ${scored} tokens; the model has ${positions} positions.`,
      'Leave the example out.',
    );
  }
  const first = Math.max(0, whole.length - positions - 1);
  return {
    inputs: whole.subarray(first, -1),
    targets: whole.subarray(before),
    is_truncated: first > 0,
  };
}

/** A text that is written with BOS has it already. */
function withBos(ids: Uint32Array, bos: readonly number[]): Uint32Array {
  if (bos.length === 0 || bos.every((id, i) => ids[i] === id)) return ids;
  const all = new Uint32Array(bos.length + ids.length);
  all.set(bos);
  all.set(ids, bos.length);
  return all;
}
