/** @file Stretches of text on their way to the model, and how a pre-tokenizer cuts them. */

/** A stretch of normalised text. */
export interface Piece {
  readonly text: string;
  /**
   * Units at its start that come from the first character of the whole text; 0 for any later piece. Metaspace's
   * `prepend_scheme: first` asks for it: several pieces of one decomposed character may all be "first".
   */
  readonly lead: number;
}

export const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** A stretch of a text that either is a match of a pattern or lies between two. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly match: boolean;
}

/** The spans of a text from its start to its end, computed as they are asked for: a long text need not be read whole. */
export type Finder = (text: string) => Iterable<Span>;

export function cut(piece: Piece, start: number, end: number): Piece {
  return { text: piece.text.slice(start, end), lead: Math.max(0, Math.min(piece.lead, end) - start) };
}

/** Spans where what was a match is none and the other way round. */
export function inverted(find: Finder): Finder {
  return function* (text) {
    for (const { start, end, match } of find(text)) yield { start, end, match: !match };
  };
}

/** Cuts a piece; empty pieces are dropped, as the Rust library does. */
export function* split(piece: Piece, find: Finder, behavior: Behavior): Generator<Piece> {
  for (const { start, end } of CUTTERS[behavior](find(piece.text))) {
    if (start < end) yield start === 0 && end === piece.text.length ? piece : cut(piece, start, end);
  }
}

type Cutter = (spans: Iterable<Span>) => Iterable<{ start: number; end: number }>;

const CUTTERS: Readonly<Record<Behavior, Cutter>> = {
  Isolated: (spans) => spans,
  *Removed(spans) {
    for (const span of spans) if (!span.match) yield span;
  },
  *Contiguous(spans) {
    let open: { start: number; end: number } | undefined;
    let previous = false;
    for (const { start, end, match } of spans) {
      if (open && match === previous) open.end = end;
      else {
        if (open) yield open;
        open = { start, end };
      }
      previous = match;
    }
    if (open) yield open;
  },
  *MergedWithPrevious(spans) {
    let open: { start: number; end: number } | undefined;
    let previous = false;
    for (const { start, end, match } of spans) {
      if (open && match && !previous) open.end = end;
      else {
        if (open) yield open;
        open = { start, end };
      }
      previous = match;
    }
    if (open) yield open;
  },
  *MergedWithNext(spans) {
    let waiting: Span | undefined;
    for (const span of spans) {
      if (span.match) {
        if (waiting) yield waiting;
        waiting = span;
      } else {
        yield { start: waiting?.start ?? span.start, end: span.end };
        waiting = undefined;
      }
    }
    if (waiting) yield waiting;
  },
};
