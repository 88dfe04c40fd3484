/** @file What a GGUF file is made from: the model and the tokenizer's files as they were opened. */
import type { GgufSource } from '../../export/gguf/write_gguf.ts';
import { parsePythonJson } from '../../formats/hf/python_json.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { OpenModel } from '../../models/open_model.ts';

/** @param model That is written: the open one, or another with its tokenizer. */
export function ggufSource({ tokenizer_files, raw_config, name, licence }: OpenModel, model: DecoderModel): GgufSource {
  const text = (file: string): string | undefined => {
    const found = tokenizer_files.find((each) => each.name === file);
    return found && new TextDecoder().decode(found.bytes);
  };
  const template = text('chat_template.jinja');
  return {
    model,
    raw_config,
    name,
    licence,
    tokenizer_json: parsed(text('tokenizer.json')) ?? {},
    tokenizer_config: {
      ...parsed(text('tokenizer_config.json')),
      ...(template !== undefined && { chat_template: template }),
    },
    generation_config: parsed(text('generation_config.json')),
  };
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
