/**
 * @file Where tokenizer_config.json asks for another tokenization than tokenizer.json has. transformers changes the tokenizer
 * by it when it loads; Whittle's ids are those of tokenizer.json alone, and it says where the two part.
 */
import type { RawConfig } from '../hf/config.ts';
import { type JsonObject, type JsonValue, quoteText } from '../json.ts';

/** Classes of transformers that put `add_prefix_space` of the config into their ByteLevel. */
const OWN_PREFIX_SPACE = /^(Blenderbot|CodeGen|Cohere|GPT2|Roberta)Tokenizer(Fast)?$/;

/** For people. */
export function tokenizerConfigNotes(root: JsonObject, config: RawConfig): string[] {
  const notes = [addedNote(root, config), prefixSpaceNote(root, config), splitNote(config)];
  return notes.filter((note) => note !== undefined);
}

function addedNote(root: JsonObject, config: RawConfig): string | undefined {
  const own = root.get('added_tokens');
  const known = new Set(Array.isArray(own) ? own.map((entry) => entry instanceof Map && entry.get('content')) : []);
  const { added_tokens_decoder, additional_special_tokens, extra_special_tokens } = config;
  const named = [added_tokens_decoder, additional_special_tokens, extra_special_tokens].flatMap(contents);
  const strange = [...new Set(named)].filter((content) => !known.has(content));
  if (strange.length === 0) return undefined;
  const listed = strange.slice(0, 5).map((content) => quoteText(content));
  const more = strange.length > 5 ? ` and ${strange.length - 5} more` : '';
  return `tokenizer_config.json adds tokens that tokenizer.json does not have (${listed.join(', ')}${more}): transformers finds them in a text, Whittle goes by tokenizer.json alone.`;
}

/** Of a list or an object of texts, or of objects with `content`. */
function contents(given: unknown): string[] {
  if (typeof given !== 'object' || given === null) return [];
  return Object.values(given)
    .map((entry) => (typeof entry === 'object' && entry !== null ? (entry as { content?: unknown }).content : entry))
    .filter((content) => typeof content === 'string');
}

function prefixSpaceNote(root: JsonObject, { add_prefix_space, tokenizer_class }: RawConfig): string | undefined {
  if (typeof add_prefix_space !== 'boolean' || !OWN_PREFIX_SPACE.test(String(tokenizer_class))) return undefined;
  const own = byteLevel(root.get('pre_tokenizer'))?.get('add_prefix_space');
  if (own === undefined || own === add_prefix_space) return undefined;
  return `tokenizer_config.json says add_prefix_space ${add_prefix_space}, tokenizer.json ${own}: transformers goes by the first, Whittle by tokenizer.json.`;
}

function splitNote({ split_special_tokens }: RawConfig): string | undefined {
  if (split_special_tokens !== true) return undefined;
  return 'tokenizer_config.json says split_special_tokens: transformers cuts a special token that stands in a text as if it were words, Whittle takes it as one token.';
}

function byteLevel(part: JsonValue | undefined): JsonObject | undefined {
  if (!(part instanceof Map)) return undefined;
  if (part.get('type') === 'ByteLevel') return part;
  const parts = part.get('pretokenizers');
  return Array.isArray(parts) ? parts.map(byteLevel).find((found) => found !== undefined) : undefined;
}
