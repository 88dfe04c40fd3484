/**
 * @file Where tokenizer_config.json asks for another tokenization than tokenizer.json has. transformers changes the tokenizer
 * by it when it loads; Whittle adds the tokens that it names (config_tokens.ts), cuts as tokenizer.json does, and says where the two part.
 */
import type { RawConfig } from '../hf/config.ts';
import type { JsonObject, JsonValue } from '../json.ts';

/** Classes of transformers that put `add_prefix_space` of the config into their ByteLevel. */
const OWN_PREFIX_SPACE = /^(Blenderbot|CodeGen|Cohere|GPT2|Roberta)Tokenizer(Fast)?$/;

/** For people. */
export function tokenizerConfigNotes(root: JsonObject, config: RawConfig): string[] {
  const note = prefixSpaceNote(root, config);
  return note === undefined ? [] : [note];
}

function prefixSpaceNote(root: JsonObject, { add_prefix_space, tokenizer_class }: RawConfig): string | undefined {
  if (typeof add_prefix_space !== 'boolean' || !OWN_PREFIX_SPACE.test(String(tokenizer_class))) return undefined;
  const own = byteLevel(root.get('pre_tokenizer'))?.get('add_prefix_space');
  if (own === undefined || own === add_prefix_space) return undefined;
  return `tokenizer_config.json says add_prefix_space ${add_prefix_space}, tokenizer.json ${own}: transformers goes by the first, Whittle by tokenizer.json.`;
}

function byteLevel(part: JsonValue | undefined): JsonObject | undefined {
  if (!(part instanceof Map)) return undefined;
  if (part.get('type') === 'ByteLevel') return part;
  const parts = part.get('pretokenizers');
  return Array.isArray(parts) ? parts.map(byteLevel).find((found) => found !== undefined) : undefined;
}
