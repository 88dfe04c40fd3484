/** Prompts with answers in the words of a model: as text, and in its chat template, with only the answer to be learnt. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { toErrorData } from '../../errors/errors.ts';
import { openModel } from '../../models/open_model.ts';
import { wordingOf } from './wording.ts';

const CHAT =
  '{% for m in messages %}<{{ m.role }}>{{ m.content }}<|endoftext|>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';
/** Takes the thoughts out of what was said before, as reasoning models' templates do. */
const FORGETS =
  "{% for m in messages %}<{{ m.role }}>{{ m.content.split('</think>')[-1] }}<|endoftext|>{% endfor %}{% if add_generation_prompt %}<assistant><think>{% endif %}";
/** Ends a turn with words of its own, and no token that ends a text. */
const OWN_END =
  '{% for m in messages %}[{{ m.role }}]{{ m.content }}.\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';

async function worded(chat_template: string | undefined, template: 'auto' | 'chat' | 'plain', bos = 'none') {
  const files = await tinyLlama({
    config: { eos_token_id: 0 },
    ...(chat_template && { tokenizer_config: { chat_template } }),
  });
  const open = await openModel(files);
  const state = { requireModel: () => ({ open }), requireTexts: () => ({ protocol: { bos } }) };
  const wording = wordingOf(state as unknown as Parameters<typeof wordingOf>[0], template);
  const text = (ids: ArrayLike<number>) => open.tokenizer.decode(Array.from(ids));
  return { wording, text, end: wording.ends[0] };
}

const question = { prompt: 'Q: two and two?\nA:', message: 'two and two?' };
const shot = { question: { prompt: 'Q: one?\nA:', message: 'one?' }, answer: ' 1' };

describe('a chat template', () => {
  it('words question, shots and answer; the answer with its end is what is learnt', async () => {
    const { wording, text, end } = await worded(CHAT, 'auto');
    const asked = await wording.asked([shot], question);
    expect(text(asked)).toBe(
      '<user>one?<|endoftext|><assistant> 1<|endoftext|><user>two and two?<|endoftext|><assistant>',
    );
    const { ids, from } = await wording.answered([shot], question, 'four');
    expect([...ids.subarray(0, from)]).toEqual([...asked]);
    expect(text(ids.subarray(from))).toBe('four<|endoftext|>');
    expect(ids.at(-1)).toBe(end);
    expect([...ids.subarray(from)].filter((id) => id === end)).toHaveLength(1);
  });

  it('that forgets thoughts of given answers is no guide: the answer follows the prompt as it is written', async () => {
    const { wording, text } = await worded(FORGETS, 'chat');
    const { ids, from } = await wording.answered([], question, 'add them</think>four');
    expect(text(ids.subarray(0, from))).toBe('<user>two and two?<|endoftext|><assistant><think>');
    expect(text(ids.subarray(from))).toBe('add them</think>four<|endoftext|>');
  });

  it('without a token that ends a text gets one behind its own end', async () => {
    const { wording, text } = await worded(OWN_END, 'auto');
    const { ids, from } = await wording.answered([], question, 'four');
    expect(text(ids.subarray(from))).toBe('four.\n<|endoftext|>');
  });

  it('is asked for in vain where the model has none', async () => {
    const { wording } = await worded(undefined, 'chat').catch((thrown) => {
      expect(toErrorData(thrown)).toMatchObject({
        code: 'bad_chat_template',
        allowed: expect.stringContaining('chat_template'),
      });
      return { wording: undefined };
    });
    expect(wording).toBeUndefined();
  });
});

describe('plain text', () => {
  it.each(['plain', 'auto'] as const)('is the prompt with its answer (%s)', async (template) => {
    const { wording, text } = await worded(template === 'plain' ? CHAT : undefined, template);
    const { ids, from } = await wording.answered([shot], question, ' four');
    expect(text(ids.subarray(0, from))).toBe(`${shot.question.prompt} 1\n\n${question.prompt}`);
    expect(text(ids.subarray(from))).toBe(' four<|endoftext|>');
    expect([...(await wording.asked([shot], question))]).toEqual([...ids.subarray(0, from)]);
  });
});
