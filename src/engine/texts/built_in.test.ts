import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started, TEXTS } from '../../../test/support/test_engine.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { builtInText } from './built_in.ts';
import { TEXT_KINDS, type TextKind, textFileName } from './kinds.ts';

const CHATS = [
  [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello.' },
  ],
  [
    { role: 'user', content: 'Two\nlines' },
    { role: 'assistant', content: 'Yes' },
  ],
];

/** Just what is read of a model. */
function modelWith(tokenizer_config: object): Pick<OpenModel, 'tokenizer' | 'tokenizer_files'> {
  const bytes = new TextEncoder().encode(JSON.stringify(tokenizer_config));
  return { tokenizer_files: [{ name: 'tokenizer_config.json', bytes }] } as unknown as OpenModel;
}

function chatOf(tokenizer_config: object, begins = false, signal = new AbortController().signal) {
  const demoFile = async () => new Blob([CHATS.map((messages) => `${JSON.stringify(messages)}\n`).join('')]);
  return builtInText({ demoFile }, 'chat', 'evaluation', modelWith(tokenizer_config), begins, signal);
}

const LLAMA_LIKE = {
  bos_token: '<s>',
  chat_template:
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}|{{ strftime_now('%d %b %Y') }}",
};

describe('built-in chats', () => {
  it('are in the words of the chat template, each with its own beginning, on a day that does not change', async () => {
    const { name, text } = await chatOf(LLAMA_LIKE);
    const day = '|26 Jul 2024';
    expect(text).toBe(`<s>[user]Hi[assistant]Hello.${day}<s>[user]Two\nlines[assistant]Yes${day}`);
    expect(name).toMatch(/^Built-in chats, evaluation part \(SHA-256 [0-9a-f]{8}…\) in the model's chat template$/);
  });

  it('leave a BOS out that is put before the text', async () => {
    expect((await chatOf(LLAMA_LIKE, true)).text).toMatch(/^\[user\]Hi.*<s>\[user\]Two/s);
  });

  it('have names of speakers where there is no template', async () => {
    const { name, text } = await chatOf({});
    expect(text).toBe('User: Hi\nAssistant: Hello.\n\nUser: Two\nlines\nAssistant: Yes');
    expect(name).toMatch(/as User and Assistant$/);
  });

  it('end where they are cancelled', async () => {
    const slow = { chat_template: '{% for i in range(20000) %}{% endfor %}' };
    expect(await failure(chatOf(slow, false, AbortSignal.abort()))).toMatchObject({ code: 'cancelled' });
  });

  it('are refused with the template where that cannot be read', async () => {
    expect(await failure(chatOf({ chat_template: '{% for' }))).toMatchObject({ code: 'bad_chat_template' });
  });
});

describe('built-in texts of the engine', () => {
  it('are tokenised, cut and named apart, so that perplexities of two are never compared', async () => {
    const engine = await started(memoryPlatform(), source());
    const names = new Set<string>();
    for (const of of TEXT_KINDS) {
      const texts = { ...TEXTS, calibration: { kind: 'demo', of }, evaluation: { kind: 'demo', of } } as const;
      const { calibration, evaluation, shared_windows } = await engine.run('set_texts', texts);
      expect(calibration.tokens).toBeGreaterThan(10_000);
      expect(evaluation.tokens).toBeGreaterThan(10_000);
      expect(shared_windows).toBeUndefined();
      names.add(calibration.name).add(evaluation.name);
    }
    expect(names.size).toBe(2 * TEXT_KINDS.length);
  });

  it('are prose where no kind is named', async () => {
    const engine = await started(memoryPlatform(), source());
    const { calibration } = await engine.run('set_texts', { ...TEXTS, calibration: { kind: 'demo' } });
    expect(calibration.name).toBe('Brown corpus, calibration split');
  });

  it('are asked for by the names of their files', () => {
    expect(TEXT_KINDS.map((kind) => textFileName(kind, 'evaluation'))).toEqual([
      'evaluation.txt',
      'articles.evaluation.txt',
      'code.evaluation.txt',
      'chat.evaluation.jsonl',
    ]);
  });

  it('have no other kind', async () => {
    const engine = await started(memoryPlatform(), source());
    const texts = { ...TEXTS, calibration: { kind: 'demo' as const, of: 'poems' as TextKind } };
    expect(await failure(engine.run('set_texts', texts))).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining('"poems"'),
      allowed: 'prose, articles, code, chat',
    });
  });
});
