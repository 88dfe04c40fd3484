/** @file What a GGUF file is made from: the model and the tokenizer's files as they were opened. */
import type { GgufSource } from '../../export/gguf/write_gguf.ts';
import { parsePythonJson } from '../../formats/hf/python_json.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { OpenModel } from '../../models/open_model.ts';

/** @param model That is written: the open one, or another with its tokenizer. */
export function ggufSource(open: OpenModel, model: DecoderModel): GgufSource {
  const { raw_config, name, licence } = open;
  return { model, raw_config, name, licence, ...readFiles(open) };
}

type ReadFiles = Pick<GgufSource, 'tokenizer_json' | 'tokenizer_config' | 'generation_config'>;

/** A tokenizer.json is megabytes of text, and every plan asks for it. */
const known = new WeakMap<OpenModel, ReadFiles>();

function readFiles(open: OpenModel): ReadFiles {
  const before = known.get(open);
  if (before) return before;
  const { tokenizer_files } = open;
  const text = (file: string): string | undefined => {
    const found = tokenizer_files.find((each) => each.name === file);
    return found && new TextDecoder().decode(found.bytes);
  };
  const template = text('chat_template.jinja');
  const tokenizer_json = parsed(text('tokenizer.json')) ?? {};
  const read = {
    tokenizer_json: { ...tokenizer_json, added_tokens: addedTokens(open, tokenizer_json) },
    tokenizer_config: {
      ...parsed(text('tokenizer_config.json')),
      ...(template !== undefined && { chat_template: template }),
    },
    generation_config: parsed(text('generation_config.json')),
  };
  known.set(open, read);
  return read;
}

/** With those of the files beside tokenizer.json; one of them that the model does not embed is in no text that it takes. */
function addedTokens({ tokenizer, config }: OpenModel, { added_tokens: own }: Record<string, unknown>): unknown {
  const listed = Array.isArray(own) ? own.map(({ content }) => content) : [];
  const all = tokenizer.added_tokens?.filter(({ id, content }) => id < config.vocab_size || listed.includes(content));
  return all ?? own;
}

/** Undefined for what is no JSON object. */
function parsed(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = parsePythonJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
