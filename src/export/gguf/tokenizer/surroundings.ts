/** @file Which tokens a tokenizer.json puts around a text: GGUF knows one before it and one behind it. */
import { NotCarried, objectOf, type TokenizerJson } from './token_table.ts';

export interface Surroundings {
  /** Ids. */
  readonly before?: number;
  readonly behind?: number;
}

/** Throws {@link NotCarried}. */
export function surroundings({ post_processor }: TokenizerJson): Surroundings {
  return of(post_processor);
}

function of(processor: unknown): Surroundings {
  const { type, processors, single, special_tokens } = objectOf(processor);
  switch (type) {
    case undefined:
    case 'ByteLevel': // moves offsets only
      return {};
    case 'Sequence':
      return Object.assign({}, ...(processors as readonly unknown[]).map(of));
    case 'TemplateProcessing':
      return template(single as readonly unknown[], objectOf(special_tokens));
    default:
      throw new NotCarried(`its tokenizer ends with the step ${String(type)}`);
  }
}

function template(items: readonly unknown[], special: Readonly<Record<string, unknown>>): Surroundings {
  const text = items.findIndex((item) => objectOf(item).Sequence !== undefined);
  const idOf = (item: unknown): number => {
    const ids = objectOf(special[String(objectOf(objectOf(item).SpecialToken).id)]).ids;
    if (Array.isArray(ids) && ids.length === 1) return ids[0];
    throw new NotCarried('its tokenizer puts several tokens around a text at once');
  };
  const [before, behind] = [items.slice(0, text).map(idOf), items.slice(text + 1).map(idOf)];
  if (text < 0 || before.length > 1 || behind.length > 1) {
    throw new NotCarried('its tokenizer puts more around a text than one token before and one behind it');
  }
  return { ...(before.length && { before: before[0] }), ...(behind.length && { behind: behind[0] }) };
}
