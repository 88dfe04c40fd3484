/** @file A Hugging Face tokenizer as the metadata of a GGUF file. */

import { TOKEN_TYPE } from '../../../formats/gguf/tokenizer/vocabulary.ts';
import type { RawConfig } from '../../../formats/hf/config.ts';
import { bool, type Metadata, string, uint32 } from '../metadata.ts';
import { byteLevelMetadata } from './byte_level.ts';
import { pieceType, sentencePieceMetadata } from './sentencepiece.ts';
import { surroundings } from './surroundings.ts';
import { NotCarried, objectOf, type TokenizerJson, type TokenTable, tokenTable } from './token_table.ts';

/** Parsed files of a Hugging Face folder. */
export interface TokenizerFiles {
  readonly tokenizer_json: TokenizerJson;
  readonly tokenizer_config?: RawConfig;
  readonly generation_config?: RawConfig;
}

/**
 * What llama.cpp needs to cut text as the tokenizer does. Tokens that stand for no text (special ones) may take spaces
 * beside them in tokenizer.json; GGUF cannot say so, and texts without such tokens are not concerned.
 * Throws {@link NotCarried} where ids of a text would differ. @param raw config.json, for special ids.
 */
export function tokenizerMetadata(files: TokenizerFiles, raw: RawConfig, vocab_size: number): Metadata {
  const { tokenizer_json: json, tokenizer_config = {} } = files;
  const { type, dropout, byte_fallback, unk_token } = objectOf(json.model);
  if (type !== undefined && type !== 'BPE') throw new NotCarried(`its tokenizer is of the type ${String(type)}`);
  if (dropout) throw new NotCarried('its tokenizer leaves merges out at random');
  const isPiece = byte_fallback === true;
  const table = tokenTable(json, vocab_size, isPiece ? pieceType : undefined);
  const kind = isPiece ? sentencePieceMetadata(json, table) : byteLevelMetadata(json);
  const around = surroundings(json);
  const unknown = typeof unk_token === 'string' && isPiece ? table.ids.get(unk_token) : undefined;
  const types = table.types.map((own, id) => (id === unknown ? TOKEN_TYPE.unknown : own));
  const metadata: Metadata = new Map([
    ...kind,
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: table.tokens }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', values: types }],
  ]);
  const ids = specialIds(files, raw, table);
  const special = {
    bos: around.before ?? ids.bos,
    eos: around.behind ?? ids.eos[0],
    eot: ids.eos.find((id) => id !== (around.behind ?? ids.eos[0])),
    unknown: unknown ?? ids.unknown,
    padding: ids.padding,
  };
  for (const [name, id] of Object.entries(special)) {
    if (id !== undefined) metadata.set(`tokenizer.ggml.${name}_token_id`, uint32(id));
  }
  metadata.set('tokenizer.ggml.add_bos_token', bool(around.before !== undefined));
  metadata.set('tokenizer.ggml.add_eos_token', bool(around.behind !== undefined));
  const template = chatTemplate(tokenizer_config);
  if (template !== undefined) metadata.set('tokenizer.chat_template', string(template));
  return metadata;
}

interface SpecialIds {
  readonly bos?: number;
  readonly eos: readonly number[];
  readonly unknown?: number;
  readonly padding?: number;
}

/** By the names in tokenizer_config.json, else by the ids of generation_config.json and config.json. */
function specialIds(
  { tokenizer_config = {}, generation_config = {} }: TokenizerFiles,
  raw: RawConfig,
  table: TokenTable,
): SpecialIds {
  const named = (key: string): number | undefined => {
    const value = tokenizer_config[`${key}_token`];
    const text = typeof value === 'string' ? value : objectOf(value).content;
    return typeof text === 'string' ? table.ids.get(text) : undefined;
  };
  const numbered = (key: string): number[] =>
    [generation_config, raw]
      .flatMap((config) => config[`${key}_token_id`] ?? [])
      .filter(
        (id): id is number => Number.isInteger(id) && (id as number) >= 0 && (id as number) < table.tokens.length,
      );
  const all = (key: string) => [...new Set([named(key), ...numbered(key)])].filter((id) => id !== undefined);
  return { bos: all('bos')[0], eos: all('eos'), unknown: named('unk'), padding: all('pad')[0] };
}

/** Of several, the one that is meant for chats. */
function chatTemplate({ chat_template: template }: RawConfig): string | undefined {
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const chosen = template.find((each) => objectOf(each).name === 'default');
  const text = objectOf(chosen).template;
  return typeof text === 'string' ? text : undefined;
}
