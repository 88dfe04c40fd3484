/**
 * @file Precompiled: SentencePiece's table of replacements, a double-array trie over UTF-8 with the replacements behind
 * it (github.com/google/sentencepiece, doc/normalization.md; darts-clone's layout of a unit).
 */
import type { Part } from '../parts.ts';
import type { Piece } from '../piece.ts';

const ENCODER = new TextEncoder();
/** Longer graphemes are looked up character by character, as the Rust library does. */
const LONGEST_GRAPHEME = 5;

export function precompiledNormalizer(part: Part): (piece: Piece) => Piece {
  const table = new ReplacementTable(readTable(part), part);
  const known = new Map<string, string>();
  const normalizeGrapheme = (grapheme: string): string => {
    let found = known.get(grapheme);
    if (found === undefined) {
      found = replaceGrapheme(grapheme, table);
      if (known.size < 100_000) known.set(grapheme, found);
    }
    return found;
  };
  const normalize = (text: string) => {
    const parts: string[] = [];
    for (const grapheme of graphemes(text)) parts.push(normalizeGrapheme(grapheme));
    return parts.join('');
  };
  return ({ text, lead }) => {
    if (lead === 0) return { text: normalize(text), lead };
    const [first = ''] = graphemes(text);
    return { text: normalize(text), lead: normalizeGrapheme(first).length };
  };
}

function replaceGrapheme(grapheme: string, table: ReplacementTable): string {
  const bytes = ENCODER.encode(grapheme);
  if (bytes.length <= LONGEST_GRAPHEME) {
    const whole = table.find(bytes);
    if (whole !== undefined) return whole;
  }
  let result = '';
  for (const character of grapheme) result += table.find(ENCODER.encode(character)) ?? character;
  return result;
}

class ReplacementTable {
  private readonly units: DataView;
  private readonly unitCount: number;
  private readonly replacements: Uint8Array;
  private readonly decoder = new TextDecoder();

  constructor(blob: Uint8Array, part: Part) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const trieBytes = blob.length >= 4 ? view.getUint32(0, true) : 0;
    if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > blob.length) {
      throw part.refuse('The precompiled_charsmap is damaged: its trie does not fit.', 'precompiled_charsmap');
    }
    this.units = new DataView(blob.buffer, blob.byteOffset + 4, trieBytes);
    this.unitCount = trieBytes / 4;
    this.replacements = blob.subarray(4 + trieBytes);
  }

  /** Replacement of the *shortest* known prefix of a key: the library replaces the whole key by it. */
  find(key: Uint8Array): string | undefined {
    let position = offsetOf(this.unit(0));
    for (const byte of key) {
      if (byte === 0) return undefined;
      position ^= byte;
      const unit = this.unit(position);
      if ((unit & 0x800000ff) !== byte) return undefined;
      position ^= offsetOf(unit);
      if ((unit >>> 8) & 1) return this.replacement(this.unit(position) & 0x7fffffff);
    }
    return undefined;
  }

  private unit(index: number): number {
    return index < this.unitCount ? this.units.getUint32(index * 4, true) : 0;
  }

  private replacement(start: number): string {
    const end = this.replacements.indexOf(0, start);
    return this.decoder.decode(this.replacements.subarray(start, end < 0 ? undefined : end));
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function readTable(part: Part): Uint8Array {
  try {
    return Uint8Array.from(atob(part.string('precompiled_charsmap')), (character) => character.charCodeAt(0));
  } catch (cause) {
    if (cause instanceof DOMException) throw part.wrong('precompiled_charsmap', 'base64');
    throw cause;
  }
}

/** Characters that never join with a neighbour but by the two rules below; in them the slow segmenter is not needed. */
const SIMPLE = '\\0-\\u00a8\\u00aa-\\u00ad\\u00af-\\u02ff';
/** Those of them that a neighbour may join: controls stay alone, but for a carriage return before a line feed. */
const NEIGHBOUR = SIMPLE.replace('\\0', ' ');
const JOINED = new RegExp(`[${NEIGHBOUR}]?(?:[^${SIMPLE}]+[${NEIGHBOUR}]?)+|\\r\\n`, 'gu');

function* graphemes(text: string): Generator<string> {
  let from = 0;
  for (const { 0: run, index } of text.matchAll(JOINED)) {
    yield* text.slice(from, index);
    if (run === '\r\n') yield run;
    else for (const { segment } of SEGMENTER.segment(run)) yield segment;
    from = index + run.length;
  }
  yield* text.slice(from);
}

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' });
