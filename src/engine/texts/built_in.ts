/** @file A built-in text for the open model: as it stands, or conversations in the words of its chat template. */
import { breather } from '../../backend/event_loop.ts';
import { WhittleError } from '../../errors/errors.ts';
import { chatTemplate, hasChatTemplate } from '../../formats/chat/chat_template.ts';
import { FIXED_DAY } from '../../formats/chat/python_date.ts';
import type { ChatMessage } from '../../formats/chat/render.ts';
import { Sha256 } from '../../formats/sha256.ts';
import type { OpenModel } from '../../models/open_model.ts';
import type { EnginePlatform } from '../platform.ts';
import { TEXT_KINDS, type TextKind, type TextRole, textFileName } from './kinds.ts';

export interface NamedText {
  /** For protocols: a perplexity is compared only with one of a text of the same name. */
  name: string;
  text: string;
}

/**
 * @param begins Whether BOS is put before the text, so that a template's own is not to stand there again.
 * @throws `cancelled`, `bad_option` for a kind that there is not, `bad_chat_template` for a template that cannot be read, and what the site throws.
 */
export async function builtInText(
  platform: Pick<EnginePlatform, 'demoFile'>,
  kind: TextKind,
  role: TextRole,
  open: Pick<OpenModel, 'tokenizer' | 'tokenizer_files'>,
  begins: boolean,
  signal: AbortSignal,
): Promise<NamedText> {
  if (!TEXT_KINDS.includes(kind)) throw unknown(kind);
  const bytes = new Uint8Array(await (await platform.demoFile(textFileName(kind, role))).arrayBuffer());
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (kind === 'prose') return { name: `Brown corpus, ${role} split`, text };
  if (kind === 'articles') return { name: `Brown corpus, articles of its ${role} split`, text };
  // Made anew by every build: told apart by what is in it.
  const digest = new Sha256().update(bytes).digest().slice(0, 8);
  if (kind === 'code') return { name: `Whittle's source code, ${role} files (SHA-256 ${digest}…)`, text };
  const isTemplate = hasChatTemplate(open.tokenizer_files);
  return {
    name: `Built-in chats, ${role} part (SHA-256 ${digest}…) ${isTemplate ? "in the model's chat template" : 'as User and Assistant'}`,
    text: isTemplate ? await templated(conversationsOf(text), open, begins, signal) : plain(conversationsOf(text)),
  };
}

function conversationsOf(text: string): ChatMessage[][] {
  return text.split('\n').flatMap((line) => (line ? [JSON.parse(line) as ChatMessage[]] : []));
}

/** One after the other, each with all that the template puts around it, as they are trained on. */
async function templated(
  conversations: readonly ChatMessage[][],
  { tokenizer_files }: Pick<OpenModel, 'tokenizer_files'>,
  begins: boolean,
  signal: AbortSignal,
): Promise<string> {
  const { renderChat } = await import('../../formats/chat/render.ts');
  const template = chatTemplate(tokenizer_files);
  const parts: string[] = [];
  // Templates of a hundred lines take seconds for all of them.
  const breathe = breather(signal);
  for (const messages of conversations) {
    parts.push(renderChat(template, messages, false, FIXED_DAY));
    await breathe();
  }
  const text = parts.join('');
  const bos = begins ? template.special_tokens.bos_token : undefined;
  return bos && text.startsWith(bos) ? text.slice(bos.length) : text;
}

const SPEAKERS = { user: 'User', assistant: 'Assistant', system: 'System' } as const;

function plain(conversations: readonly ChatMessage[][]): string {
  return conversations
    .map((messages) => messages.map(({ role, content }) => `${SPEAKERS[role]}: ${content}`).join('\n'))
    .join('\n\n');
}

function unknown(kind: unknown): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `There is no built-in text of the kind "${String(kind)}".`,
    place: { field: 'texts' },
    allowed: TEXT_KINDS.join(', '),
  });
}
