/**
 * @file Where a model keeps its chat template, and the special tokens that the template may name. As transformers has it:
 * chat_template.jinja goes before tokenizer_config.json, whose entry is a text or a list of named ones.
 */
import { WhittleError } from '../../errors/errors.ts';
import { parsePythonJson } from '../hf/python_json.ts';
import { quoteText } from '../json.ts';

export interface SmallFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ChatTemplate {
  /** In Jinja. */
  readonly text: string;
  readonly file: string;
  /** `bos_token` and the like, as text. */
  readonly special_tokens: Readonly<Record<string, string>>;
}

const CONFIG = 'tokenizer_config.json';
const JINJA = 'chat_template.jinja';
const SPECIAL = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;

/** Whether {@link chatTemplate} would find one; what is wrong with it is said when it is used. */
export function hasChatTemplate(files: readonly SmallFile[]): boolean {
  if (files.some(({ name }) => name === JINJA)) return true;
  const { chat_template } = readObject(files, CONFIG);
  return chat_template !== undefined && chat_template !== null;
}

/** @param files Tokenizer and companions of a model. @throws `bad_chat_template` where there is none, or none to choose. */
export function chatTemplate(files: readonly SmallFile[]): ChatTemplate {
  const config = readObject(files, CONFIG);
  const special_tokens = specialTokens({ ...readObject(files, 'special_tokens_map.json'), ...config });
  const jinja = files.find(({ name }) => name === JINJA);
  if (jinja) return { text: textOf(jinja), file: JINJA, special_tokens };
  return { text: chosen(config.chat_template), file: CONFIG, special_tokens };
}

function chosen(given: unknown): string {
  if (typeof given === 'string') return given;
  if (given === undefined || given === null) {
    throw bad('This model has no chat template.', {
      allowed: `${JINJA}, or chat_template in ${CONFIG} or in the metadata of a GGUF file`,
      action: 'Send a plain text that the model goes on from: a model without a template was not trained to answer.',
    });
  }
  const named = namedTemplates(given);
  const only = named.size === 1 ? [...named.values()][0] : undefined;
  const found = named.get('default') ?? only;
  if (found !== undefined) return found;
  const names = [...named.keys()].map((name) => quoteText(name)).join(', ');
  throw bad(
    named.size > 0
      ? `There are ${named.size} chat templates, and none is the default: ${names}.`
      : 'chat_template is neither a text nor a list of named texts.',
    {
      allowed: 'a text, or a list of {"name", "template"} with one named "default"',
      action: `Name the template that is meant "default" in ${CONFIG}, or send a plain text.`,
    },
  );
}

/** [{"name": …, "template": …}, …], or an object of them. */
function namedTemplates(given: unknown): Map<string, string> {
  const entries: unknown[][] = Array.isArray(given)
    ? given.map((entry) => [(entry as Named | null)?.name, (entry as Named | null)?.template])
    : Object.entries(given as object);
  const isPair = (entry: unknown[]) => entry.every((part) => typeof part === 'string');
  return new Map(entries.filter(isPair) as [string, string][]);
}

interface Named {
  name?: unknown;
  template?: unknown;
}

function specialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const name of SPECIAL) {
    const given = config[name];
    const text = typeof given === 'string' ? given : (given as { content?: unknown } | null | undefined)?.content;
    if (typeof text === 'string') tokens[name] = text;
  }
  return tokens;
}

/** Empty where there is no such file, or nothing that can be read: who needs it has refused it already. */
export function readObject(files: readonly SmallFile[], name: string): Readonly<Record<string, unknown>> {
  const file = files.find((each) => each.name === name);
  if (!file) return {};
  try {
    const value: unknown = parsePythonJson(textOf(file));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf({ bytes }: SmallFile): string {
  return new TextDecoder().decode(bytes);
}

function bad(message: string, { allowed, action }: { allowed: string; action: string }): WhittleError {
  return new WhittleError({ code: 'bad_chat_template', message, place: { field: 'chat_template' }, allowed, action });
}
