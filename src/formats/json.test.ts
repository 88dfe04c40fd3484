import { describe, expect, it } from 'vitest';
import { fromPlain, JsonFault, JsonNumber, parseJson, toPlain } from './json.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseJson(utf8(text));

/** Deterministic numbers in [0, 1): a linear congruential generator (Numerical Recipes constants). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const SEED_TEXT =
  '{"a":[1,-2.5e+3,0,true,false,null],"b\\n\\u00e9":{"":"x\\"y\\\\","__proto__":[]}, "ü🙂" : [ {} , [ ] , "" ]}';
const ALPHABET = '{}[]",:\\ue0123456789.-+Eatrfnls \t\n\u0001ü';

describe('fromPlain', () => {
  it('gives what is read of the text that the data is written as', () => {
    const data = [
      JSON.parse(SEED_TEXT),
      { a: undefined, b: [undefined, -0, 1e21, 0.1, Number.NaN, Number.POSITIVE_INFINITY], c: { d: null, e: true } },
      'a',
      7,
      [],
    ];
    for (const value of data) expect(fromPlain(value)).toEqual(parse(JSON.stringify(value)));
    expect(() => parse(JSON.stringify(['\ud800']))).toThrow(JsonFault);
    expect(() => fromPlain(['\ud800'])).toThrow(JsonFault);
  });
});

describe('parseJson', () => {
  it('reads what JSON.parse reads, as the same value', () => {
    expect(toPlain(parse(SEED_TEXT))).toEqual(JSON.parse(SEED_TEXT));
    for (const text of ['1', '-0', '""', ' [] ', 'null', '"\\ud83d\\ude42"', '1E400']) {
      expect(toPlain(parse(text)), text).toEqual(JSON.parse(text));
    }
  });

  it('accepts and refuses exactly what JSON.parse does, on 20,000 spoilt texts', () => {
    const random = seeded(1);
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      let text = SEED_TEXT;
      for (let edits = 1 + Math.floor(random() * 3); edits > 0; edits--) {
        const at = Math.floor(random() * text.length);
        const letter = ALPHABET[Math.floor(random() * ALPHABET.length)];
        const removed = Math.floor(random() * 3);
        text = text.slice(0, at) + (random() < 0.7 ? letter : '') + text.slice(at + removed);
      }
      text = new TextDecoder().decode(utf8(text)); // an edit may have split a surrogate pair
      const expected = attempt(() => JSON.parse(text));
      const found = attempt(() => toPlain(parse(text)));
      // stricter on purpose: equal keys, and escapes that are half a character
      if (found.fault?.duplicate_key !== undefined || found.fault?.message.includes('escape')) continue;
      expect(found.fault === undefined, text).toBe(expected.ok);
      if (expected.ok) expect(found.value, text).toEqual(expected.value);
      if (expected.ok) accepted++;
    }
    expect(accepted).toBeGreaterThan(1000);
  });

  it('keeps a key __proto__ as data and the text of numbers', () => {
    const object = parse('{"__proto__":2.0}');
    expect(object instanceof Map && object.get('__proto__')).toEqual(new JsonNumber('2.0'));
    const plain = toPlain(object) as object;
    expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
    expect(Object.keys(plain)).toEqual(['__proto__']);
  });

  it.each<[string, string, number]>([
    ['a repeated key', '{"a":{"b":1,"b":2}}', 12],
    ['half a character', '["\\ud800"]', 1],
    ['a fault after other letters, in bytes', '["ü🙂",x]', 10],
    ['an early end', '[1,', 3],
    ['a leading zero', '[01]', 2],
    ['a control character', '["\u0001"]', 2],
  ])('says where %s is', (_, text, byte) => {
    const { fault } = attempt(() => parse(text));
    expect(fault?.byte).toBe(byte);
  });

  it('says where UTF-8 ends to be UTF-8', () => {
    for (const bytes of [
      [0x80],
      [0xc1, 0x80],
      [0xe0, 0x9f, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ]) {
      const { fault } = attempt(() => parseJson(Uint8Array.from([0x22, 0xc3, 0xbc, ...bytes])));
      expect(fault?.message).toBe('not UTF-8');
      expect(fault?.byte, String(bytes)).toBe(3);
    }
  });

  it('names the path to a repeated key', () => {
    const { fault } = attempt(() => parse('{"a":[{"b":{"c":1,"c":2}}]}'));
    expect(fault?.duplicate_key).toBe('c');
    expect(fault?.path).toEqual(['a', 'b']);
  });
});

function attempt(work: () => unknown): { ok: boolean; value?: unknown; fault?: JsonFault } {
  try {
    return { ok: true, value: work() };
  } catch (thrown) {
    if (!(thrown instanceof JsonFault) && !(thrown instanceof SyntaxError)) throw thrown;
    return { ok: false, fault: thrown instanceof JsonFault ? thrown : undefined };
  }
}

describe('nesting', () => {
  it.each<[string, number, (inner: string) => string]>([
    ['arrays', 1, (inner) => `[${inner}]`],
    ['objects', 1, (inner) => `{"a":${inner}}`],
    ['one in the other', 2, (inner) => `[{"a":${inner}}]`],
  ])('of %s may be 64 deep and no deeper', (_, each, around) => {
    const nested = (levels: number) => {
      let text = '1';
      for (let i = 0; i < levels; i += each) text = around(text);
      return text;
    };
    expect(toPlain(parse(nested(64)))).toEqual(JSON.parse(nested(64)));
    expect(() => parse(nested(66))).toThrow('nested deeper than 64 levels');
    expect(() => parse(nested(20_000))).toThrow('nested deeper than 64 levels');
  });
});
