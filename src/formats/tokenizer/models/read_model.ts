/** @file The model part of tokenizer.json: vocabulary and merges are checked, then the model of its type is built. */
import { JsonNumber, type JsonObject, type JsonValue, quoteText, showJson } from '../../json.ts';
import type { Part } from '../parts.ts';
import { type Fail, failure } from '../read_json.ts';
import { Bpe, mergedToken, type ReadMerges } from './bpe.ts';
import type { Model, Vocabulary } from './model.ts';
import { readScore } from './score.ts';
import { Unigram } from './unigram.ts';
import { WordLevel, WordPiece } from './words.ts';

/** The largest real vocabularies have about 260,000 tokens. */
const MAX_TOKEN_ID = 10_000_000;

export const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'] as const;
export type ModelType = (typeof MODEL_TYPES)[number];

export interface ReadModel {
  type: ModelType;
  model: Model;
  vocabulary: Vocabulary;
}

/** Throws `bad_tokenizer`. */
export function readModel(part: Part): ReadModel {
  const fail = failure(part.file);
  const type = modelType(part);
  if (type === 'Unigram') {
    const { vocabulary, scores } = unigramVocabulary(part.options.get('vocab'), fail);
    return { type, vocabulary, model: new Unigram(part, vocabulary, scores) };
  }
  const vocabulary = readVocabulary(part.options.get('vocab'), fail);
  if (type === 'BPE') return { type, vocabulary, model: new Bpe(part, vocabulary, readMerges(part, vocabulary, fail)) };
  return { type, vocabulary, model: new (type === 'WordPiece' ? WordPiece : WordLevel)(part, vocabulary) };
}

function modelType(part: Part): ModelType {
  const type = part.options.get('type');
  if (type === undefined) return shapeOf(part.options);
  const found = MODEL_TYPES.find((each) => each === type);
  if (found) return found;
  throw part.refuse(`The tokenizer type ${showJson(type)} is not supported.`, 'type', MODEL_TYPES.join(', '));
}

/** Files from before 2023 leave the type out; the options tell it. */
function shapeOf(options: JsonObject): ModelType {
  if (options.has('merges')) return 'BPE';
  if (Array.isArray(options.get('vocab'))) return 'Unigram';
  return options.has('continuing_subword_prefix') ? 'WordPiece' : 'WordLevel';
}

function readVocabulary(found: JsonValue | undefined, fail: Fail): Map<string, number> {
  if (!(found instanceof Map)) throw fail('The model has no vocab.', 'model.vocab');
  if (found.size === 0) throw fail('The vocab is empty.', 'model.vocab');
  const vocabulary = new Map<string, number>();
  const owner = new Map<number, string>();
  for (const [token, value] of found) {
    const id = tokenId(value, token, fail);
    const other = owner.get(id);
    if (other !== undefined) {
      throw fail(`${quoteText(other)} and ${quoteText(token)} have the same id ${id}.`, 'model.vocab');
    }
    owner.set(id, token);
    vocabulary.set(token, id);
  }
  return vocabulary;
}

/** Unigram lists `[token, score]`; a token's id is its place. */
function unigramVocabulary(found: JsonValue | undefined, fail: Fail) {
  if (!Array.isArray(found)) throw fail('The model has no vocab.', 'model.vocab');
  if (found.length === 0) throw fail('The vocab is empty.', 'model.vocab');
  const vocabulary = new Map<string, number>();
  const scores = new Float64Array(found.length);
  for (const [id, pair] of found.entries()) {
    const [token, score] = Array.isArray(pair) ? pair : [];
    if (typeof token !== 'string' || !(score instanceof JsonNumber)) {
      throw fail(`Vocab entry ${id} is not a token with a score.`, 'model.vocab');
    }
    if (vocabulary.has(token)) throw fail(`The vocab entry ${quoteText(token)} is given twice.`, 'model.vocab');
    vocabulary.set(token, id);
    scores[id] = readScore(score.text);
  }
  return { vocabulary, scores };
}

function readMerges(part: Part, vocabulary: Vocabulary, fail: Fail): ReadMerges {
  const merges = part.options.get('merges');
  if (!Array.isArray(merges)) throw fail('The BPE model has no merges.', 'model.merges');
  const prefix = part.string('continuing_subword_prefix', '') || '';
  const pairs: [string, string][] = [];
  const ids = new Int32Array(3 * merges.length);
  const idOf = (token: string, i: number) => {
    const id = vocabulary.get(token);
    if (id !== undefined) return id;
    throw fail(`Merge ${i} names ${quoteText(token)}, which is not in the vocab.`, 'model.merges');
  };
  for (let i = 0; i < merges.length; i++) {
    const merge = merges[i];
    if (typeof merge === 'string' && merge.startsWith('#version')) continue;
    const parts = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string') {
      throw fail(`Merge ${i} has ${parts.length} parts, not 2.`, 'model.merges');
    }
    const at = 3 * pairs.length;
    ids[at] = idOf(left, i);
    ids[at + 1] = idOf(right, i);
    ids[at + 2] = idOf(mergedToken(left, right, prefix), i);
    pairs.push([left, right]);
  }
  return { pairs, ids };
}

function tokenId(value: JsonValue | undefined, token: string, fail: Fail): number {
  // Only for who is refused: a vocabulary has a quarter of a million tokens.
  const what = () => `vocab entry ${quoteText(token)}`;
  const text = value instanceof JsonNumber ? value.text : undefined;
  if (text === undefined || !/^(0|[1-9]\d*)$/.test(text)) {
    throw fail(`The id of ${what()} is ${showJson(value)}.`, 'model.vocab');
  }
  const id = Number(text);
  if (id > MAX_TOKEN_ID) {
    throw fail(`The id of ${what()} is ${text}; at most ${MAX_TOKEN_ID} is allowed.`, 'model.vocab');
  }
  return id;
}
