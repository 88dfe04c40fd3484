/**
 * @file JSON as Python's `json` writes it: RFC 8259, and NaN, Infinity and -Infinity as bare words. transformers writes
 * them into config.json and tokenizer_config.json where a value is `float('inf')`.
 */

const WORDS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** A string, which stays as it is, or one of the words. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs;

/** No file of this kind holds it: NUL has to be escaped in JSON. */
const MARK = '\u0000python';

/** As `JSON.parse`, and the three words. Throws SyntaxError. */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    let words = 0;
    const marked = text.replace(STRING_OR_WORD, (found) => {
      if (found.startsWith('"')) return found;
      words++;
      // a list, because a word in the place of a key has to stay a fault
      return JSON.stringify([MARK, found]);
    });
    if (words === 0) throw cause;
    return JSON.parse(marked, (_, value) => (Array.isArray(value) && value[0] === MARK ? WORDS[value[1]] : value));
  }
}

/** As `JSON.stringify`, save that numbers which JSON does not have are written as Python writes them: for messages. */
export function pythonJson(value: unknown): string {
  return written(value, undefined, (number) => String(number));
}

/**
 * As `JSON.stringify`, save that ±Infinity is written as ±1e999, which JavaScript and Python both read as infinite, and
 * which every reader of JSON accepts: the bare words stop JavaScript's. NaN, which has no such spelling, becomes null.
 */
export function portableJson(value: unknown, space?: number): string {
  return written(value, space, (number) => (Number.isNaN(number) ? 'null' : number > 0 ? '1e999' : '-1e999'));
}

/** A JSON text that only Python reads, as every reader does; undefined for one that needs no change or cannot be read. */
export function madePortable(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    try {
      return `${portableJson(parsePythonJson(text), 2)}\n`;
    } catch {
      return undefined;
    }
  }
}

function written(value: unknown, space: number | undefined, spell: (number: number) => string): string {
  const marked = JSON.stringify(
    value,
    (_, item) => (typeof item === 'number' && !Number.isFinite(item) ? `${MARK}${item}` : item),
    space,
  );
  return marked.replace(/"\\u0000python(NaN|-?Infinity)"/g, (_, word: string) => spell(WORDS[word]));
}
