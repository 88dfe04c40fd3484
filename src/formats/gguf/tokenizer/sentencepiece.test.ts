/** Merges from scores: every cut of a token into two, for tokens that merging may make. */
import { expect, it } from 'vitest';
import { GgufMetadata } from '../metadata.ts';
import { TENSOR_TYPES } from '../types.ts';
import type { Value } from '../values.ts';
import { rankedMerges, sentencePieceTokenizer } from './sentencepiece.ts';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

function merges(pieces: readonly (readonly [token: string, type: number, score: number])[]): string[] {
  const tokens = pieces.map(([token]) => token);
  const vocabulary = {
    ...{ file: 'm.gguf', tokens, types: pieces.map(([, type]) => type), special: {}, takesSpaces: false },
    ids: new Map(tokens.map((token, id) => [token, id])),
  } as Vocabulary;
  return rankedMerges(
    vocabulary,
    pieces.map(([, , score]) => score),
  ).map((pair) => pair.join('|'));
}

const { normal, control, user_defined, unused, byte } = TOKEN_TYPE;
const LETTERS = [...'abcd😀'].map((letter) => [letter, normal, -100] as const);

it('are those of normal tokens and of the person’s own, and of no others', () => {
  for (const type of [normal, user_defined]) expect(merges([...LETTERS, ['ab', type, -1]])).toEqual(['a|b']);
  for (const type of [control, unused, byte]) expect(merges([...LETTERS, ['ab', type, -1]])).toEqual([]);
});

it('go by the score of the whole, then by its id, then by the parts', () => {
  const more = [
    ['ab', normal, -3],
    ['cd', normal, -1],
    ['abc', normal, -2],
    ['bc', normal, -3],
  ] as const;
  expect(merges([...LETTERS, ...more])).toEqual(['c|d', 'a|bc', 'ab|c', 'a|b', 'b|c']);
});

it('never cut a letter of two units', () => {
  expect(merges([...LETTERS, ['a😀', normal, 0]])).toEqual(['a|😀']);
});

it.each([
  [undefined, undefined, true, false],
  [true, true, true, true],
  [false, true, false, true],
  [false, false, false, false],
])('BOS %s and EOS %s in the file', (bos, eos, add_bos, add_eos) => {
  const tokens = ['<unk>', '<s>', '</s>', 'a'];
  const scores = Float32Array.of(0, 0, 0, -1);
  const flag = (key: string, value?: boolean): [string, Value][] =>
    value === undefined ? [] : [[`tokenizer.ggml.add_${key}_token`, { type: 'bool', value }]];
  const metadata = new GgufMetadata(
    'm.gguf',
    new Map<string, Value>([
      [
        'tokenizer.ggml.scores',
        { type: 'array', of: 'float32', count: 4, bytes: new Uint8Array(scores.buffer) } as Value,
      ],
      ...flag('bos', bos),
      ...flag('eos', eos),
    ]),
  );
  const types = [TOKEN_TYPE.unknown, control, control, normal];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const built = sentencePieceTokenizer(metadata, { file: 'm.gguf', tokens, types, ids, special: {} } as never);
  expect(built).toMatchObject({ add_bos, add_eos });
  const found = JSON.stringify((built.json as { post_processor: unknown }).post_processor);
  expect([found.includes('"<s>"'), found.includes('"</s>"')]).toEqual([add_bos, add_eos]);
});

/** As ggml's enum numbers them (ggml.h). */
it('tensor types have their numbers', () => {
  const named = Object.fromEntries([...TENSOR_TYPES].map(([number, name]) => [name, number]));
  expect(named).toMatchObject({
    ...{ F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, Q8_1: 9, Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13 },
    ...{ Q6_K: 14, Q8_K: 15, IQ2_XXS: 16, IQ2_XS: 17, IQ3_XXS: 18, IQ1_S: 19, IQ4_NL: 20, IQ3_S: 21, IQ2_S: 22 },
    ...{ IQ4_XS: 23, I8: 24, I16: 25, I32: 26, I64: 27, F64: 28, IQ1_M: 29, BF16: 30, TQ1_0: 34, TQ2_0: 35, MXFP4: 39 },
  });
  expect(new Set(TENSOR_TYPES.values()).size).toBe(TENSOR_TYPES.size);
});
