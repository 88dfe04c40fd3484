/**
 * @file Text from tokens that come one by one. A character may have several tokens, and what is shown must not change later:
 * each piece is given out once its characters are whole.
 */
import type { Tokenizer } from './tokenizer.ts';

/** Tokens that are decoded together before older ones are left out, and how many stay then. */
const MOST = 64;
const KEPT = 16;

/** U+FFFD at the end: bytes that the next token may complete. */
const HALF = /\ufffd$/;

/** A byte for itself, as models with byte fallback have it: the library decodes a run of them as a whole. */
const BYTE = /^<0x[0-9A-Fa-f]{2}>$/;

/** The pieces, joined, are `decode` of all ids. */
export class TextStream {
  private ids: number[] = [];
  /** Of `ids`, those whose text is out, and that text. */
  private told = 0;
  private text = '';

  constructor(private readonly tokenizer: Pick<Tokenizer, 'decode' | 'token'>) {}

  /** @returns What this token makes whole; empty where it waits for others. */
  push(id: number): string {
    this.ids.push(id);
    if (BYTE.test(this.tokenizer.token(id) ?? '')) return '';
    const text = this.tokenizer.decode(this.ids);
    return HALF.test(text) || !text.startsWith(this.text) ? '' : this.tell(text);
  }

  /** @returns What waited; halves of characters as U+FFFD. */
  end(): string {
    return this.tell(this.tokenizer.decode(this.ids));
  }

  private tell(text: string): string {
    const piece = text.slice(this.text.length);
    this.text = text;
    this.told = this.ids.length;
    if (this.told > MOST) this.forget();
    return piece;
  }

  /** Only the last tokens decide how the next one is decoded; blanks alone at the beginning may be cut off. */
  private forget(): void {
    const kept = this.ids.slice(-KEPT);
    const text = this.tokenizer.decode(kept);
    if (text.trim().length === 0 || !this.text.endsWith(text.trimStart())) return;
    this.ids = kept;
    this.told = kept.length;
    this.text = text;
  }
}
