/**
 * @file Messages → the text that a model was trained on, by its own chat template. The engine of templates is loaded only
 * where a chat is rendered: import this file when it is needed.
 */
import { Template } from '@huggingface/jinja';
import { WhittleError } from '../../errors/errors.ts';
import type { ChatTemplate } from './chat_template.ts';
import { callNow, NOW, strftime } from './python_date.ts';
import { callStrip, STRIP, stripCharacters } from './python_strip.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/**
 * As transformers' `apply_chat_template(messages, tokenize=False)`. The text has its special tokens in it: tokenise it without
 * any around it.
 * @param add_generation_prompt Whether the text ends where the assistant's answer begins.
 * @param date What a template that asks for the time is told.
 * @throws `bad_chat_template` where the template cannot be read, or refuses these messages; `bad_option` without messages.
 */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  add_generation_prompt = true,
  date = new Date(),
): string {
  if (messages.length === 0) {
    throw new WhittleError({
      code: 'bad_option',
      message: 'There is no message to answer.',
      place: { field: 'messages' },
      allowed: 'at least one message with a role and a content',
      action: 'Type a few words.',
    });
  }
  let parsed: Template;
  try {
    parsed = new Template(template.text);
    callStrip(parsed.parsed);
    callNow(parsed.parsed);
  } catch (cause) {
    throw bad(template, `The chat template cannot be read: ${messageOf(cause)}`, UNREAD, cause);
  }
  // What a template changes in messages must not reach who gave them.
  const own = messages.map((message) => ({ ...message }));
  try {
    return parsed.render({
      ...template.special_tokens,
      messages: own,
      add_generation_prompt,
      [STRIP]: stripCharacters,
      [NOW]: (format: unknown) => strftime(date, String(format)),
    });
  } catch (cause) {
    throw bad(template, `The chat template refuses these messages: ${messageOf(cause)}`, REFUSED, cause);
  }
}

const UNREAD =
  'Send a plain text instead. The template may be damaged, or use what @huggingface/jinja does not know; please report it with the name of the model.';
const REFUSED = 'Change the messages as it says (some models take no system message), or send a plain text instead.';

function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function bad({ file }: ChatTemplate, message: string, action: string, cause: unknown): WhittleError {
  const place = { file, field: 'chat_template' };
  return new WhittleError({ code: 'bad_chat_template', message, place, action }, { cause });
}
