/** @file What a person types, as the tokens that a model goes on from, and the tokens with which it ends. */
import { WhittleError } from '../../errors/errors.ts';
import { type ChatTemplate, chatTemplate, readObject } from '../../formats/chat/chat_template.ts';
import type { ChatMessage } from '../../formats/chat/render.ts';
import { type BosMode, resolveBos } from '../../formats/tokenizer/bos.ts';
import type { OpenModel } from '../../models/open_model.ts';

/** A text that is gone on with as it stands, or messages that the model's chat template puts into words. */
export type Prompt = { readonly text: string } | { readonly messages: readonly ChatMessage[] };

export interface PromptTokens {
  readonly ids: Uint32Array;
  /** With what the chat template put around it. */
  readonly text: string;
}

/**
 * @param bos How windows begin where texts are set; absent: as family and tokenizer say.
 * @throws `bad_option` for an empty prompt or one that leaves no room; `bad_chat_template`, `bad_tokenizer`.
 */
export async function promptTokens(open: OpenModel, prompt: Prompt, bos?: BosMode): Promise<PromptTokens> {
  const { text, ids } = 'messages' in prompt ? await chat(open, prompt.messages) : plain(open, prompt.text, bos);
  const most = contextLength(open);
  if (ids.length < most) return { ids, text };
  throw new WhittleError({
    code: 'bad_option',
    message: `The prompt has ${ids.length} tokens, and the model has room for ${most}: none is left for an answer.`,
    place: { field: 'prompt' },
    allowed: `at most ${most - 1} tokens`,
    action: 'Take a shorter prompt.',
  });
}

/** Tokens that a text may come to. */
export function contextLength({ model }: Pick<OpenModel, 'model'>): number {
  const { positions } = model.embed_tokens;
  return positions ? positions.weight.shape[0] - positions.offset : model.config.max_position_embeddings;
}

function plain({ tokenizer, config }: OpenModel, text: string, wanted?: BosMode): PromptTokens {
  if (text.trim() === '') throw empty();
  const bos = wanted ?? resolveBos('auto', config.model_type, tokenizer);
  const own = tokenizer.encodePlain(text);
  const ids = bos === 'none' ? own : Uint32Array.from([...tokenizer.bos, ...own]);
  if (ids.length === 0) throw empty();
  return { text, ids };
}

async function chat(
  { tokenizer, tokenizer_files }: OpenModel,
  messages: readonly ChatMessage[],
): Promise<PromptTokens> {
  if (messages.every(({ content }) => content.trim() === '')) throw empty();
  const template: ChatTemplate = chatTemplate(tokenizer_files);
  const { renderChat } = await import('../../formats/chat/render.ts');
  const text = renderChat(template, messages);
  const ids = tokenizer.encodePlain(text);
  if (ids.length === 0) throw empty();
  return { text, ids };
}

function empty(): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: 'The prompt is empty.',
    place: { field: 'prompt' },
    allowed: 'a text of at least one word',
    action: 'Type a few words for the model to go on from.',
  });
}

/**
 * Tokens that end a text: those of generation_config.json, of config.json and of the tokenizer together, because a chat model's
 * own end of turn often stands in one of them alone.
 */
export function endTokens({ raw_config, tokenizer, tokenizer_files, config }: OpenModel): number[] {
  const text_config = raw_config.text_config as Readonly<Record<string, unknown>> | null | undefined;
  const ids = [readObject(tokenizer_files, 'generation_config.json'), raw_config, text_config ?? {}].flatMap(
    ({ eos_token_id }) => eos_token_id,
  );
  const { eos_token } = readObject(tokenizer_files, 'tokenizer_config.json');
  const named = typeof eos_token === 'string' ? eos_token : (eos_token as { content?: unknown } | null)?.content;
  if (typeof named === 'string') ids.push(tokenizer.idOf(named));
  const isToken = (id: unknown): id is number => Number.isInteger(id) && (id as number) >= 0;
  return [...new Set(ids.filter(isToken))].filter((id) => id < config.vocab_size);
}
