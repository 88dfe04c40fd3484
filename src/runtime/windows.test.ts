import { describe, expect, it } from 'vitest';
import { WhittleError } from '../errors/errors.ts';
import { cutWindows, rowsPerBatch, tokensNeeded } from './windows.ts';

const TEXT = Uint32Array.from([10, 11, 12, 13, 14, 15, 16, 17, 18]);
const cut = (mode: 'none' | 'first' | 'each', bos: number[], count = 2, seqlen = 4) =>
  cutWindows(TEXT, seqlen, count, 't.txt', { mode, bos });
const rows = ({ ids, seqlen, count }: ReturnType<typeof cut>) =>
  Array.from({ length: count }, (_, i) => [...ids.subarray(i * seqlen, (i + 1) * seqlen)]);

describe('rows that go through a layer together', () => {
  const cpu = { kind: 'cpu', isFallbackAdapter: false } as const;
  const sized = (hidden_size: number, intermediate_size: number) => ({ hidden_size, intermediate_size });

  it('are more on a CPU the smaller the model is, within one bound of bytes', () => {
    expect(rowsPerBatch(cpu, sized(576, 1536))).toBe(2048);
    expect(rowsPerBatch(cpu, sized(64, 172))).toBe(2048);
    expect(rowsPerBatch(cpu, sized(1024, 4096))).toBe(1024);
    expect(rowsPerBatch(cpu, sized(2048, 5632))).toBe(744);
    expect(rowsPerBatch(cpu, sized(4096, 11008))).toBe(512);
  });

  it('are half as many on a software adapter, few where gradients are kept, and many on a GPU', () => {
    const software = { kind: 'webgpu', isFallbackAdapter: true } as const;
    expect(rowsPerBatch(software, sized(64, 172))).toBe(1024);
    expect(rowsPerBatch(software, sized(4096, 11008))).toBe(512);
    expect(rowsPerBatch(software)).toBe(512);
    expect(rowsPerBatch(cpu)).toBe(512);
    expect(rowsPerBatch({ kind: 'webgpu', isFallbackAdapter: false }, sized(4096, 11008))).toBe(2048);
  });
});

describe('windows of tokens', () => {
  it('are consecutive parts of the text, with BOS nowhere or once', () => {
    const texts = [
      [10, 11, 12, 13],
      [14, 15, 16, 17],
    ];
    expect(rows(cut('none', [1]))).toEqual(texts);
    expect(rows(cutWindows(TEXT, 4, 2, 't'))).toEqual(texts);
    const first = cut('first', [1]);
    expect(rows(first)).toEqual([
      [1, 10, 11, 12],
      [13, 14, 15, 16],
    ]);
    expect(first.totalTokens).toBe(10);
  });

  it('begin with BOS each, and then predict every token of the text', () => {
    const each = cut('each', [1], 3);
    expect(rows(each)).toEqual([
      [1, 10, 11, 12],
      [1, 13, 14, 15],
      [1, 16, 17, 18],
    ]);
    expect(rows(each).flatMap((row) => row.slice(1))).toEqual([...TEXT]);
    expect(each.totalTokens).toBe(TEXT.length);
  });

  it('begin with all tokens that a tokenizer puts before a text', () => {
    expect(rows(cut('each', [1, 2]))).toEqual([
      [1, 2, 10, 11],
      [1, 2, 12, 13],
    ]);
    expect(rows(cut('first', [1, 2], 2))[0]).toEqual([1, 2, 10, 11]);
  });

  it.each(['none', 'first', 'each'] as const)('need no token of the text more than they say: %s', (mode) => {
    const start = { mode, bos: [1] };
    const needed = tokensNeeded(4, 2, start);
    expect(cutWindows(TEXT.subarray(0, needed), 4, 2, 't', start).ids).toEqual(cut(mode, [1]).ids);
    expect(() => cutWindows(TEXT.subarray(0, needed - 1), 4, 2, 't', start)).toThrow(WhittleError);
  });

  it.each([
    ['none', 3, '9 tokens, which is 2 windows of 4; 3 were asked for (12 tokens)'],
    ['first', 3, '10 tokens, which is 2 windows of 4'],
    ['each', 4, '9 tokens, which is 3 windows of 3 and BOS; 4 were asked for (12 tokens)'],
  ] as const)('of a text that is too short are refused: %s', (mode, count, words) => {
    expect(() => cut(mode, [1], count)).toThrow(WhittleError);
    expect(() => cut(mode, [1], count)).toThrow(words);
  });

  it('are counted in words that fit one, too', () => {
    const short = () => cutWindows(Uint32Array.of(7), 4, 1, 't', { mode: 'none', bos: [] });
    expect(short).toThrow('The text has 1 token, which is 0 windows of 4; 1 was asked for (4 tokens).');
  });

  it('have room for BOS and one token to predict', () => {
    expect(rows(cut('each', [1], 1, 2))).toEqual([[1, 10]]);
    expect(() => cut('each', [1, 2], 1, 2)).toThrow('seqlen is 2');
    expect(() => cut('none', [], 1, 1)).toThrow('seqlen is 1');
  });
});
