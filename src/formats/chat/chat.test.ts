/** Chat templates: where a model keeps them, and the text that transformers' apply_chat_template makes of messages (`tools/chat_templates/`). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { chatTemplate, hasChatTemplate, type SmallFile } from './chat_template.ts';
import { type ChatMessage, renderChat } from './render.ts';

interface Fixture {
  special_tokens: Record<string, string>;
  templates: Record<string, string>;
  chats: Record<string, ChatMessage[]>;
  cases: { template: string; chat: string; add_generation_prompt: boolean; text?: string; refused?: string }[];
}

const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/chat_templates.json', import.meta.url));
const { special_tokens, templates, chats, cases } = JSON.parse(
  readFileSync(process.env.WHITTLE_CHAT_TEMPLATES ?? FIXTURE, 'utf8'),
) as Fixture;

function file(name: string, content: unknown): SmallFile {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return { name, bytes: new TextEncoder().encode(text) };
}

const asked: ChatMessage[] = [{ role: 'user', content: 'Hi' }];

describe('renderChat', () => {
  it.each(Object.keys(templates))('gives what transformers gives: %s', (name) => {
    const template = { text: templates[name], file: 'chat_template.jinja', special_tokens };
    for (const { chat, add_generation_prompt, text, refused } of cases.filter((each) => each.template === name)) {
      const render = () => renderChat(template, chats[chat], add_generation_prompt);
      if (refused === undefined) expect(render(), chat).toBe(text);
      else {
        expect(render, chat).toThrow(
          expect.objectContaining({ code: 'bad_chat_template', message: expect.stringContaining(refused) }),
        );
      }
    }
  });

  it('leaves the messages as they were', () => {
    const given = structuredClone(chats.turns);
    renderChat({ text: templates.llama31, file: 'a', special_tokens }, given);
    expect(given).toEqual(chats.turns);
  });

  it.each([
    ['{% for message in messages %}', /cannot be read/],
    ['{{ messages[0].content | nosuchfilter }}', /nosuchfilter/],
    ['{{ unknown_function() }}', /refuses these messages/],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => renderChat({ text, file: 'tokenizer_config.json', special_tokens }, asked)).toThrow(
      expect.objectContaining({
        code: 'bad_chat_template',
        message: expect.stringMatching(message),
        place: { file: 'tokenizer_config.json', field: 'chat_template' },
        action: expect.stringContaining('plain text'),
      }),
    );
  });

  it('refuses no messages', () => {
    expect(() => renderChat({ text: 'x', file: 'a', special_tokens }, [])).toThrow(
      expect.objectContaining({ code: 'bad_option' }),
    );
  });
});

describe('chatTemplate', () => {
  const config = (chat_template: unknown) => file('tokenizer_config.json', { chat_template, bos_token: '<s>' });

  it('takes chat_template.jinja before the entry of tokenizer_config.json, as transformers does', () => {
    expect(chatTemplate([config('{{ 1 }}'), file('chat_template.jinja', '{{ 2 }}')])).toEqual({
      text: '{{ 2 }}',
      file: 'chat_template.jinja',
      special_tokens: { bos_token: '<s>' },
    });
    expect(chatTemplate([config('{{ 1 }}')]).text).toBe('{{ 1 }}');
  });

  it('takes the default of several, or the only one', () => {
    const named = [
      { name: 'tool_use', template: '{{ 1 }}' },
      { name: 'default', template: '{{ 2 }}' },
    ];
    expect(chatTemplate([config(named)]).text).toBe('{{ 2 }}');
    expect(chatTemplate([config(named.slice(0, 1))]).text).toBe('{{ 1 }}');
    expect(chatTemplate([config({ default: '{{ 3 }}', rag: '' })]).text).toBe('{{ 3 }}');
  });

  it('knows special tokens as texts and as objects, those of special_tokens_map.json where the config has none', () => {
    const map = file('special_tokens_map.json', { eos_token: { content: '</s>' }, bos_token: '<old>' });
    const { special_tokens } = chatTemplate([
      file('tokenizer_config.json', { chat_template: '-', bos_token: { content: '<s>' }, pad_token: null }),
      map,
    ]);
    expect(special_tokens).toEqual({ bos_token: '<s>', eos_token: '</s>' });
  });

  it.each([
    [[], false, /no chat template/],
    [[config(null)], false, /no chat template/],
    [[config('')], false, /no chat template/],
    [[config(7)], true, /neither a text nor a list/],
    [
      [
        config([
          { name: 'a', template: '' },
          { name: 'b', template: '' },
        ]),
      ],
      true,
      /2 chat templates.*"a", "b"/,
    ],
  ])('refuses what has none: %#', (files, isThere, message) => {
    expect(hasChatTemplate(files)).toBe(isThere);
    expect(() => chatTemplate(files)).toThrow(
      expect.objectContaining({ code: 'bad_chat_template', message: expect.stringMatching(message) }),
    );
  });
});

function germanMonths() {
  return { format: () => 'Mai' };
}

describe('the date of templates', () => {
  const dated = (text: string, date?: Date) => renderChat({ text, file: 'a', special_tokens }, asked, false, date);

  it('is told in English and as Python tells it, whatever the language of the browser', () => {
    const date = new Date(2026, 4, 3, 0, 7, 9);
    const text =
      "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y, %d %B, %A %a %y %H:%M:%S %I%p %% %q') }}{% endif %}";
    const theirs = vi.spyOn(Intl, 'DateTimeFormat').mockImplementation(germanMonths as never);
    try {
      expect(dated(text, date)).toBe('03 May 2026, 03 May, Sunday Sun 26 00:07:09 12AM % %q');
    } finally {
      theirs.mockRestore();
    }
  });

  it('is today where none is given', () => {
    expect(dated("{{ strftime_now('%Y') }}")).toBe(String(new Date().getFullYear()));
  });
});
