/** @file Which special tokens a tokenizer has for the ends of a text: those that its post-processor adds, and its BOS. */
import type { RawConfig } from '../hf/config.ts';

export interface EndTokens {
  /** Ids that the post-processor puts before and behind a single text, as the Rust library does. */
  readonly before: readonly number[];
  readonly behind: readonly number[];
}

type Plain = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isId = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** @param processor `post_processor` of tokenizer.json, as plain JSON. */
export function endTokens(processor: unknown): EndTokens {
  const { type, processors, single, special_tokens, cls, sep } = objectOf(processor);
  switch (type) {
    case 'Sequence':
      // Each step puts its own around what the steps before it made.
      return listOf(processors)
        .map(endTokens)
        .reduce(
          (inner, outer) => ({
            before: [...outer.before, ...inner.before],
            behind: [...inner.behind, ...outer.behind],
          }),
          NONE,
        );
    case 'TemplateProcessing': {
      const items = listOf(single).map(objectOf);
      const text = items.findIndex(({ Sequence }) => Sequence !== undefined);
      const ids = items.map(({ SpecialToken }) => {
        const entry = objectOf(objectOf(special_tokens)[String(objectOf(SpecialToken).id)]);
        return listOf(entry.ids).filter(isId);
      });
      return text < 0 ? NONE : { before: ids.slice(0, text).flat(), behind: ids.slice(text + 1).flat() };
    }
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: listOf(cls).filter(isId), behind: listOf(sep).filter(isId) };
    default:
      return NONE;
  }
}

const NONE: EndTokens = { before: [], behind: [] };

/** Id of the token that tokenizer_config.json calls BOS, where there is one and the tokenizer knows it. */
export function namedBos(tokenizer: unknown, { bos_token }: RawConfig): number | undefined {
  const content = typeof bos_token === 'string' ? bos_token : objectOf(bos_token).content;
  if (typeof content !== 'string') return undefined;
  const { added_tokens, model } = objectOf(tokenizer);
  const added = listOf(added_tokens)
    .map(objectOf)
    .find((token) => token.content === content)?.id;
  if (isId(added)) return added;
  const { vocab } = objectOf(model);
  const id = Array.isArray(vocab) ? vocab.findIndex((entry) => listOf(entry)[0] === content) : objectOf(vocab)[content];
  return isId(id) ? id : undefined;
}
