import { describe, expect, it } from 'vitest';
import { tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import { blobSource } from '../source.ts';
import { type BosMode, resolveBos } from './bos.ts';
import { endTokens } from './special_tokens.ts';
import { loadTokenizer } from './tokenizer.ts';

const json = (name: string, value: unknown) => blobSource(name, new Blob([JSON.stringify(value)]));

const TEMPLATE = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: { '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] } },
};
const WITH_EOS = { ...TEMPLATE, single: [...TEMPLATE.single, TEMPLATE.single[0]] };
const ONLY_EOS = { ...TEMPLATE, single: [TEMPLATE.single[1], TEMPLATE.single[0]] };

function load(post_processor: unknown, config?: object) {
  const file = { ...tinyTokenizerJson(), post_processor };
  return loadTokenizer(json('tokenizer.json', file), config && json('tokenizer_config.json', config));
}

describe('what a tokenizer has for the ends of a text', () => {
  it.each([
    ['no post-processor', null, {}, [], false],
    ['a template', TEMPLATE, {}, [0], true],
    [
      'a template inside a sequence',
      { type: 'Sequence', processors: [{ type: 'ByteLevel' }, TEMPLATE] },
      {},
      [0],
      true,
    ],
    ['a template that appends EOS too', WITH_EOS, {}, [0], true],
    ['a template that appends EOS only', ONLY_EOS, {}, [], false],
    ['a RoBERTa pair', { type: 'RobertaProcessing', cls: ['he', 258], sep: ['x', 0] }, {}, [258], true],
    ['a name in tokenizer_config.json', null, { bos_token: '<|endoftext|>' }, [0], false],
    ['a name with settings', null, { bos_token: { content: 'he', lstrip: false } }, [258], false],
    ['a name that is no token', null, { bos_token: '<bos>' }, [], false],
    ['the name null', null, { bos_token: null }, [], false],
  ] as const)('%s', async (_, processor, config, bos, adds_bos) => {
    const tokenizer = await load(processor, config);
    expect({ bos: tokenizer.bos, adds_bos: tokenizer.adds_bos }).toEqual({ bos, adds_bos });
  });

  it('is in no plain encoding', async () => {
    const plain = [...(await load(null)).encode('in the end')];
    for (const processor of [TEMPLATE, WITH_EOS, ONLY_EOS]) {
      const tokenizer = await load(processor);
      expect([...tokenizer.encodePlain('in the end')]).toEqual(plain);
      const { before, behind } = endTokens(processor);
      expect([...tokenizer.encode('in the end')]).toEqual([...before, ...plain, ...behind]);
    }
  });

  it('wraps step by step in a sequence', () => {
    const step = (id: number) => ({ type: 'BertProcessing', cls: ['a', id], sep: ['b', id + 1] });
    expect(endTokens({ type: 'Sequence', processors: [step(1), step(3)] })).toEqual({ before: [3, 1], behind: [2, 4] });
  });
});

describe('where windows begin with BOS', () => {
  const adding = { bos: [0], adds_bos: true };
  const knowing = { bos: [0], adds_bos: false };
  const without = { bos: [], adds_bos: false };
  it.each([
    ['llama', adding, 'first'],
    ['llama', knowing, 'none'],
    ['llama', without, 'none'],
    ['gemma', adding, 'each'],
    ['gemma3_text', knowing, 'each'],
    ['gemma2', without, 'none'],
  ] as const)('by default: %s with %o is %s', (model_type, tokenizer, mode) => {
    expect(resolveBos(undefined, model_type, tokenizer)).toBe(mode);
    expect(resolveBos('auto', model_type, tokenizer)).toBe(mode);
  });

  it('is what was asked for, where the tokenizer has it', () => {
    for (const mode of ['none', 'first', 'each'] as const) expect(resolveBos(mode, 'gemma', knowing)).toBe(mode);
    expect(resolveBos('none', 'gemma', without)).toBe('none');
    expect(() => resolveBos('each', 'llama', without)).toThrow('no such token');
    expect(() => resolveBos('all' as BosMode, 'llama', knowing)).toThrow('bos is "all"');
  });
});
