/**
 * @file Prompts and answers in the words of the open model: as text, or as messages in its chat template. A prompt with its answer
 * is tokenised as one text; the answer begins where its tokens part from those of the prompt alone.
 */
import type { ExampleTokens, Question, Shot, Template, Wording } from '../../compress/examples/examples.ts';
import { chatTemplate, hasChatTemplate } from '../../formats/chat/chat_template.ts';
import { FIXED_DAY } from '../../formats/chat/python_date.ts';
import type { ChatMessage } from '../../formats/chat/render.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { endTokens } from '../generate/prompt.ts';
import type { EngineState } from '../state.ts';

/** @throws `bad_chat_template` where a chat is asked for and the model has no template. */
export function wordingOf(state: Pick<EngineState, 'requireModel' | 'requireTexts'>, template: Template): Wording {
  const { open } = state.requireModel();
  const begins = state.requireTexts().protocol.bos !== 'none';
  const isChat = template === 'chat' || (template === 'auto' && hasChatTemplate(open.tokenizer_files));
  return isChat ? chatWording(open) : plainWording(open, begins ? open.tokenizer.bos : []);
}

function plainWording(open: OpenModel, bos: readonly number[]): Wording {
  const { tokenizer } = open;
  const ends = endTokens(open);
  const textOf = (shots: readonly Shot[], { prompt }: Question) =>
    [...shots.map(({ question, answer }) => question.prompt + answer), prompt].join('\n\n');
  const encode = (text: string) => withBefore(bos, tokenizer.encodePlain(text));
  return {
    ends,
    text: (ids) => tokenizer.decode(ids),
    asked: async (shots, question) => encode(textOf(shots, question)),
    answered: async (shots, question, answer) => {
      const text = textOf(shots, question);
      const whole = encode(text + answer);
      return behind(encode(text), ends.length > 0 ? Uint32Array.from([...whole, ends[0]]) : whole);
    },
  };
}

function chatWording(open: OpenModel): Wording {
  const { tokenizer, tokenizer_files } = open;
  const template = chatTemplate(tokenizer_files);
  const ends = endTokens(open);
  const messages = (shots: readonly Shot[], question: Question): ChatMessage[] => [
    ...shots.flatMap((shot): ChatMessage[] => [
      { role: 'user', content: shot.question.message },
      { role: 'assistant', content: shot.answer },
    ]),
    { role: 'user', content: question.message },
  ];
  const asked = async (shots: readonly Shot[], question: Question) => {
    const { renderChat } = await import('../../formats/chat/render.ts');
    return renderChat(template, messages(shots, question), true, FIXED_DAY);
  };
  return {
    ends,
    text: (ids) => tokenizer.decode(ids),
    asked: async (shots, question) => tokenizer.encodePlain(await asked(shots, question)),
    answered: async (shots, question, answer) => {
      const { renderChat } = await import('../../formats/chat/render.ts');
      const before = await asked(shots, question);
      const said: ChatMessage[] = [...messages(shots, question), { role: 'assistant', content: answer }];
      const rendered = renderChat(template, said, false, FIXED_DAY);
      // A template that words an answer otherwise once it is given (thoughts taken out, say) is no guide to what is to be written.
      const isGuide = rendered.startsWith(before);
      const whole = tokenizer.encodePlain(isGuide ? rendered : before + answer);
      const found = behind(tokenizer.encodePlain(before), whole);
      const end = whole.findIndex((id, i) => i >= found.from && ends.includes(id));
      if (end >= 0) return { ...found, ids: whole.slice(0, end + 1) };
      return ends.length > 0 ? { ...found, ids: Uint32Array.from([...whole, ends[0]]) } : found;
    },
  };
}

function withBefore(bos: readonly number[], ids: Uint32Array): Uint32Array {
  return bos.every((id, i) => ids[i] === id) ? ids : Uint32Array.from([...bos, ...ids]);
}

/** The first token has nothing before it that it could be learnt from. */
function behind(prompt: Uint32Array, ids: Uint32Array): ExampleTokens {
  const parted = prompt.findIndex((id, i) => id !== ids[i]);
  return { ids, from: Math.max(1, parted < 0 ? prompt.length : parted) };
}
