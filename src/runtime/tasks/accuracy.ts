/** @file Accuracy of likelihoods over multiple-choice examples, as lm-evaluation-harness counts it. */
import { length } from '../../formats/tasks/python_text.ts';
import type { Example, Task } from '../../formats/tasks/task.ts';

/** A mean over examples and its standard error; the error is null for a single example. */
export interface Accuracy {
  readonly value: number;
  readonly error: number | null;
}

export interface TaskScore {
  readonly task: string;
  readonly form: string;
  readonly examples: number;
  /** The right answer is the likeliest. */
  readonly acc: Accuracy;
  /** Likeliest by character (code point). Where one text follows every answer there is none. */
  readonly acc_norm?: Accuracy;
  /** Likeliest by byte of UTF-8. */
  readonly acc_bytes?: Accuracy;
  /** Texts that lost their beginning because the model has too few positions; absent where none did. */
  readonly truncated?: number;
}

/**
 * @param likelihoods Of each example's candidates.
 * @param truncated Texts that were cut.
 */
export function taskScore(task: Task, likelihoods: readonly ArrayLike<number>[], truncated = 0): TaskScore {
  const accuracy = (size: (choice: string) => number) =>
    meanOf(task.examples.map((example, i) => Number(best(example, likelihoods[i], size) === example.gold)));
  return {
    task: task.name,
    form: task.form,
    examples: task.examples.length,
    acc: accuracy(() => 1),
    ...(task.has_norm && {
      acc_norm: accuracy(length),
      acc_bytes: accuracy((choice) => new TextEncoder().encode(choice).length),
    }),
    ...(truncated > 0 && { truncated }),
  };
}

/** The first of the likeliest. An answer without a character is never the likeliest by length. */
function best({ candidates }: Example, likelihoods: ArrayLike<number>, size: (choice: string) => number): number {
  let found = 0;
  let highest = Number.NEGATIVE_INFINITY;
  candidates.forEach(({ choice }, i) => {
    const value = likelihoods[i] / size(choice);
    if (value > highest) [found, highest] = [i, value];
  });
  return found;
}

/** Standard error: sample standard deviation / √n. */
function meanOf(values: readonly number[]): Accuracy {
  const n = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / n;
  const squares = values.reduce((sum, x) => sum + (x - value) ** 2, 0);
  return { value, error: n > 1 ? Math.sqrt(squares / (n - 1) / n) : null };
}
