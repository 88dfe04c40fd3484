import { describe, expect, it } from 'vitest';
import type { GeneratedText, ModelSummary } from '../engine/protocol.ts';
import type { Report } from '../engine/report.ts';
import { firstDifference, textFigures } from '../engine/report_texts.ts';
import { WhittleError } from '../errors/errors.ts';
import { generateRequest, promptOptions, textTable } from './prompt.ts';

const LIKELIEST = { temperature: 0, top_k: 0, top_p: 1, repetition_penalty: 1, seed: 0 };

function refusal(given: Parameters<typeof promptOptions>[0]): WhittleError {
  try {
    promptOptions(given);
  } catch (thrown) {
    if (thrown instanceof WhittleError) return thrown;
  }
  throw new Error('the options were accepted');
}

describe('--prompt', () => {
  it('has the documented defaults, and takes what samplers take', () => {
    expect(promptOptions({})).toBeUndefined();
    expect(promptOptions({ prompt: 'Hi' })).toEqual({ text: 'Hi', as: 'auto', max_tokens: 64, sampling: LIKELIEST });
    expect(
      promptOptions({
        ...{ prompt: 'Hi', 'prompt-as': 'text', 'max-tokens': '9', temperature: '.8', 'top-k': '40', 'top-p': '0.9' },
        ...{ 'repetition-penalty': '1.1', seed: '7' },
      }),
    ).toEqual({
      ...{ text: 'Hi', as: 'text', max_tokens: 9 },
      sampling: { temperature: 0.8, top_k: 40, top_p: 0.9, repetition_penalty: 1.1, seed: 7 },
    });
  });

  it.each([
    ['prompt', { prompt: ' ' }],
    ['prompt-as', { prompt: 'Hi', 'prompt-as': 'talk' }],
    ['max-tokens', { prompt: 'Hi', 'max-tokens': '0' }],
    ['temperature', { prompt: 'Hi', temperature: '-1' }],
    ['temperature', { prompt: 'Hi', temperature: 'hot' }],
    ['top-k', { prompt: 'Hi', 'top-k': '1.5' }],
    ['top-p', { prompt: 'Hi', 'top-p': '0' }],
    ['repetition-penalty', { prompt: 'Hi', 'repetition-penalty': '0' }],
    ['seed', { prompt: 'Hi', seed: '4294967296' }],
    // Without a prompt it would do nothing.
    ['seed', { seed: '1' }],
  ])('refuses a wrong --%s', (field, given) => {
    expect(refusal(given)).toMatchObject({
      code: 'bad_option',
      place: { field: `--${field}` },
      allowed: expect.any(String),
    });
  });

  it('is a message where the model has a template, unless told otherwise', () => {
    const chat = { has_chat_template: true } as ModelSummary;
    const base = {} as ModelSummary;
    const prompt = (as: string, summary: ModelSummary) =>
      generateRequest(promptOptions({ prompt: 'Hi', 'prompt-as': as })!, summary).prompt;
    const message = { messages: [{ role: 'user', content: 'Hi' }] };
    expect([prompt('auto', chat), prompt('auto', base)]).toEqual([message, { text: 'Hi' }]);
    expect([prompt('text', chat), prompt('chat', base)]).toEqual([{ text: 'Hi' }, message]);
  });
});

describe('what was written', () => {
  const text = (tokens: number[], change: Partial<GeneratedText> = {}): GeneratedText => ({
    ...{ target: 'dense', text: 'One\ntwo', tokens, prompt: '[user]Hi', prompt_tokens: 4, stopped: 'max_tokens' },
    ...{ tokens_per_second: 41.234, first_token_ms: 9, sampling: LIKELIEST },
    ...change,
  });

  it('parts where the first token differs, or one text ends', () => {
    expect(firstDifference([1, 2, 3], [1, 2, 3])).toBeNull();
    expect(firstDifference([1, 2, 3], [1, 9, 3])).toBe(1);
    expect(firstDifference([1, 2], [1, 2, 3])).toBe(2);
    expect(firstDifference([], [])).toBeNull();
  });

  it('is printed a model after the other, with rate and first difference', () => {
    const dense = text([1, 2, 3]);
    const prompt = { text: 'Hi', is_chat: true, given: dense.prompt, tokens: 4, max_tokens: 3, sampling: LIKELIEST };
    const runs = [text([1, 2, 3]), text([1, 7], { stopped: 'end_token', tokens_per_second: null })];
    const report = {
      prompt,
      dense: { text: textFigures(dense) },
      runs: runs.map((run) => ({ text: textFigures(run, dense) })),
    } as unknown as Report;
    expect(textTable(report, ['r1', 'r2'])).toBe(
      [
        'prompt      "Hi", by the chat template; the likeliest token each time',
        'dense       3 tokens, 41.2 a second',
        '    One\n    two',
        'r1          3 tokens, 41.2 a second, as dense',
        '    One\n    two',
        'r2          2 tokens, ended by itself, parts from dense at token 2',
        '    One\n    two\n\n',
      ].join('\n'),
    );
    expect(textTable({ dense: {}, runs: [] } as unknown as Report, [])).toBe('');
  });
});
