/** @file A model written as GGUF into memory: for tests. */
import { GGUF_FILE, type GgufOptions, type GgufSource, writeGguf } from '../../src/export/gguf/write_gguf.ts';
import type { OpenModel } from '../../src/models/open_model.ts';
import { memoryFiles } from '../onnx/memory_files.ts';

/** The parsed files of an open model. */
export function ggufSource(open: OpenModel): GgufSource {
  const json = (name: string) => {
    const file = open.tokenizer_files.find((each) => each.name === name);
    return file && JSON.parse(new TextDecoder().decode(file.bytes));
  };
  return {
    model: open.model,
    raw_config: open.raw_config,
    name: open.name,
    tokenizer_json: json('tokenizer.json'),
    tokenizer_config: json('tokenizer_config.json'),
    generation_config: json('generation_config.json'),
  };
}

export async function ggufBytes(source: GgufSource, options: GgufOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const memory = memoryFiles();
  await writeGguf(source, options, memory.openFile);
  return memory.bytes(GGUF_FILE);
}
