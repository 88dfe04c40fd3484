/** @file A question that the page asks before it goes on. One at a time; work goes on beside it. */

export interface Answer {
  /** What {@link ../actions/ask.ts} resolves to. */
  value: string;
  label: string;
  /** Takes something away. */
  is_final?: boolean;
}

export interface Question {
  title: string;
  /** One sentence each. */
  lines: readonly string[];
  answers: readonly Answer[];
  /** The way out, which changes nothing; Escape too. */
  refusal: string;
}
