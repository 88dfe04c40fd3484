/**
 * @file Checks tokenizer.json before the library sees it: the library takes the last of two equal entries, makes
 * arrays as long as the largest id, and reports a wrong merge only as wrong tokens.
 */
import { WhittleError } from '../../errors/errors.ts';
import { JsonFault, JsonNumber, type JsonObject, type JsonValue, parseJson, quoteText, showJson } from '../json.ts';
import { recogniseNotJson } from '../recognise.ts';
import type { ByteSource } from '../source.ts';

/** The largest real ones have about 35 MB. */
const MAX_TOKENIZER_BYTES = 200_000_000;
/** The largest real vocabularies have about 260,000 tokens. */
const MAX_TOKEN_ID = 10_000_000;
const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece'];

export interface TokenizerFacts {
  type: string;
  /** Distinct tokens, added ones included. */
  entries: number;
  /** Largest id + 1. */
  vocab_size: number;
}

/** Throws `bad_tokenizer`, `not_a_model`. */
export async function readTokenizerJson(source: ByteSource): Promise<{ root: JsonObject; facts: TokenizerFacts }> {
  const fail = failure(source.name);
  if (source.size > MAX_TOKENIZER_BYTES) throw fail(`The file has ${source.size} bytes, more than any tokenizer.`);
  if (source.size === 0) throw fail('The file is empty.');
  const root = await parse(source, fail);
  if (!(root instanceof Map)) throw fail('The file does not hold a JSON object.');
  const model = root.get('model');
  if (!(model instanceof Map)) throw fail('There is no model.', 'model');
  const vocab = readVocab(model, fail);
  const type = modelType(model, fail);
  if (type === 'BPE') checkMerges(model, vocab, fail);
  addTokens(root.get('added_tokens'), vocab, fail);
  checkPostProcessor(root.get('post_processor'), vocab, fail);
  let largest = -1;
  for (const id of vocab.values()) largest = Math.max(largest, id);
  return { root, facts: { type, entries: vocab.size, vocab_size: largest + 1 } };
}

type Fail = (message: string, field?: string) => WhittleError;

function failure(file: string): Fail {
  return (message, field) =>
    new WhittleError({
      code: 'bad_tokenizer',
      message,
      place: { file, field },
      action: 'Fetch tokenizer.json again from where the model comes from.',
    });
}

async function parse(source: ByteSource, fail: Fail): Promise<JsonValue> {
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

function modelType(model: JsonObject, fail: Fail): string {
  const type = model.get('type');
  // Files from before 2023 leave the type out; only BPE has merges, only Unigram a list.
  if (type === undefined)
    return model.has('merges') ? 'BPE' : Array.isArray(model.get('vocab')) ? 'Unigram' : 'WordPiece';
  if (typeof type === 'string' && MODEL_TYPES.includes(type)) return type;
  throw fail(
    `The tokenizer type ${showJson(type)} is not supported; supported: ${MODEL_TYPES.join(', ')}.`,
    'model.type',
  );
}

function readVocab(model: JsonObject, fail: Fail): Map<string, number> {
  const found = model.get('vocab');
  if (Array.isArray(found)) return unigramVocab(found, fail);
  if (!(found instanceof Map)) throw fail('The model has no vocab.', 'model.vocab');
  if (found.size === 0) throw fail('The vocab is empty.', 'model.vocab');
  const vocab = new Map<string, number>();
  const owner = new Map<number, string>();
  for (const [token, value] of found) {
    const id = tokenId(value, `vocab entry ${quoteText(token)}`, 'model.vocab', fail);
    const other = owner.get(id);
    if (other !== undefined)
      throw fail(`${quoteText(other)} and ${quoteText(token)} have the same id ${id}.`, 'model.vocab');
    owner.set(id, token);
    vocab.set(token, id);
  }
  return vocab;
}

/** Unigram lists `[token, score]`; a token's id is its place. */
function unigramVocab(list: readonly JsonValue[], fail: Fail): Map<string, number> {
  if (list.length === 0) throw fail('The vocab is empty.', 'model.vocab');
  const vocab = new Map<string, number>();
  for (const [id, pair] of list.entries()) {
    const [token, score] = Array.isArray(pair) ? pair : [];
    if (typeof token !== 'string' || !(score instanceof JsonNumber)) {
      throw fail(`Vocab entry ${id} is not a token with a score.`, 'model.vocab');
    }
    if (vocab.has(token)) throw fail(`The vocab entry ${quoteText(token)} is given twice.`, 'model.vocab');
    vocab.set(token, id);
  }
  return vocab;
}

function checkMerges(model: JsonObject, vocab: ReadonlyMap<string, number>, fail: Fail): void {
  const merges = model.get('merges');
  if (!Array.isArray(merges)) throw fail('The BPE model has no merges.', 'model.merges');
  // With a prefix the merged token drops it, so the parts do not just join.
  const prefix = model.get('continuing_subword_prefix') || '';
  for (const [i, merge] of merges.entries()) {
    const parts = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string') {
      throw fail(`Merge ${i} has ${parts.length} parts, not 2.`, 'model.merges');
    }
    for (const token of prefix === '' ? [left, right, left + right] : [left, right]) {
      if (!vocab.has(token))
        throw fail(`Merge ${i} names ${quoteText(token)}, which is not in the vocab.`, 'model.merges');
    }
  }
}

function addTokens(list: JsonValue | undefined, vocab: Map<string, number>, fail: Fail): void {
  if (list === undefined || list === null) return;
  if (!Array.isArray(list)) throw fail('added_tokens is not a list.', 'added_tokens');
  const owner = new Map([...vocab].map(([token, id]) => [id, token]));
  const seen = new Set<string>();
  for (const [i, entry] of list.entries()) {
    const content = entry instanceof Map ? entry.get('content') : undefined;
    if (!(entry instanceof Map) || typeof content !== 'string' || content === '') {
      throw fail(`Added token ${i} has no content.`, 'added_tokens');
    }
    if (seen.has(content)) throw fail(`The added token ${quoteText(content)} is given twice.`, 'added_tokens');
    seen.add(content);
    const id = tokenId(entry.get('id'), `added token ${quoteText(content)}`, 'added_tokens', fail);
    const other = owner.get(id);
    if (other !== undefined && other !== content) {
      throw fail(`The added token ${quoteText(content)} has the id ${id} of ${quoteText(other)}.`, 'added_tokens');
    }
    owner.set(id, content);
    vocab.set(content, id);
  }
}

/** Every special token that a template inserts must be a token, under the id that the template gives. */
function checkPostProcessor(value: JsonValue | undefined, vocab: ReadonlyMap<string, number>, fail: Fail): void {
  if (!(value instanceof Map)) return;
  const parts = value.get('processors');
  if (Array.isArray(parts)) for (const part of parts) checkPostProcessor(part, vocab, fail);
  const specials = value.get('special_tokens');
  if (!(specials instanceof Map)) return;
  const known = new Set(vocab.values());
  for (const [name, entry] of specials) {
    const ids = entry instanceof Map ? entry.get('ids') : undefined;
    if (!Array.isArray(ids)) throw fail(`The special token ${quoteText(name)} has no ids.`, 'post_processor');
    for (const item of ids) {
      const id = tokenId(item, `special token ${quoteText(name)}`, 'post_processor', fail);
      if (!known.has(id)) {
        throw fail(
          `The post-processor inserts token id ${id} for ${quoteText(name)}, outside the vocabulary.`,
          'post_processor',
        );
      }
    }
    if (!vocab.has(name))
      throw fail(`The post-processor inserts ${quoteText(name)}, which is not a token.`, 'post_processor');
  }
}

function tokenId(value: JsonValue | undefined, what: string, field: string, fail: Fail): number {
  const text = value instanceof JsonNumber ? value.text : undefined;
  if (text === undefined || !/^(0|[1-9]\d*)$/.test(text)) throw fail(`The id of ${what} is ${showJson(value)}.`, field);
  const id = Number(text);
  if (id > MAX_TOKEN_ID) throw fail(`The id of ${what} is ${text}; at most ${MAX_TOKEN_ID} is allowed.`, field);
  return id;
}
