/** @file tokenizer.json as data: parsed strictly, never longer than a tokenizer is. */
import { WhittleError } from '../../errors/errors.ts';
import { fromPlain, JsonFault, type JsonObject, type JsonValue, parseJson, quoteText } from '../json.ts';
import { recogniseNotJson } from '../recognise.ts';
import type { ByteSource } from '../source.ts';

/** The largest real ones have about 35 MB. */
const MAX_TOKENIZER_BYTES = 200_000_000;

/** Throws `bad_tokenizer`, `not_a_model`. */
export async function readTokenizerJson(source: ByteSource): Promise<JsonObject> {
  const fail = failure(source.name);
  const root = (source.made && ownJson(source.made.plain)) ?? (await parse(source, fail));
  if (!(root instanceof Map)) throw fail('The file does not hold a JSON object.');
  const version = root.get('version') ?? '1.0';
  if (version !== '1.0') throw fail(`The version is ${JSON.stringify(version)}; only "1.0" is known.`, 'version');
  return root;
}

export type Fail = (message: string, field?: string) => WhittleError;

/** Errors of a file that is damaged, as opposed to one with parts that are not supported. */
export function failure(file: string): Fail {
  return (message, field) =>
    new WhittleError({
      code: 'bad_tokenizer',
      message,
      place: { file, field },
      allowed: 'a tokenizer.json as the library tokenizers 0.23 or transformers 5 writes it',
      action:
        'Fetch tokenizer.json again from where the model comes from, or save it anew with transformers (save_pretrained).',
    });
}

/** Undefined where the text has to be read, be it to refuse it with the place. */
function ownJson(plain: unknown): JsonValue | undefined {
  if (plain === undefined) return undefined;
  try {
    return fromPlain(plain);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    return undefined;
  }
}

async function parse(source: ByteSource, fail: Fail): Promise<JsonValue> {
  if (source.size > MAX_TOKENIZER_BYTES) throw fail(`The file has ${source.size} bytes, more than any tokenizer.`);
  if (source.size === 0) throw fail('The file is empty.');
  const bytes = await source.read(0, source.size);
  try {
    return parseJson(bytes);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    if (fault.duplicate_key !== undefined) {
      throw fail(`The entry ${quoteText(fault.duplicate_key)} is given twice.`, fault.path.join('.') || undefined);
    }
    throw recogniseNotJson(source.name, bytes) ?? fail(`The file is not JSON: ${fault.message} at byte ${fault.byte}.`);
  }
}
