/** @file A model written as safetensors into memory, and opened again: for tests. */
import { type SafetensorsOptions, writeSliced } from '../../src/export/safetensors/write_sliced.ts';
import type { WrittenFile } from '../../src/formats/sink.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { type ModelFile, type OpenModel, openModel } from '../../src/models/open_model.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';

export interface Written {
  /** What was written and the tokenizer, as a person would drop it. */
  files: ModelFile[];
  /** What `writeSliced` says it wrote. */
  listed: WrittenFile[];
  json(name: string): Promise<Record<string, unknown>>;
}

export async function writeModel(model: DecoderModel, options: SafetensorsOptions): Promise<Written> {
  const parts = new Map<string, BlobPart[]>();
  const { files: listed } = await writeSliced(model, options, async (name) => {
    const chunks: BlobPart[] = [];
    parts.set(name, chunks);
    return {
      async write(bytes) {
        chunks.push(bytes.slice());
      },
      async close() {},
    };
  });
  const blobs = new Map([...parts].map(([name, chunks]) => [name, new Blob(chunks)]));
  const files = [...blobs, ['tokenizer.json', jsonBlob(tinyTokenizerJson())] as const];
  return {
    files: files.map(([name, blob]) => ({ path: `written/${name}`, blob })),
    listed,
    json: async (name) => JSON.parse(await (blobs.get(name) as Blob).text()),
  };
}

export async function reopen(model: DecoderModel, options: SafetensorsOptions): Promise<OpenModel> {
  return openModel((await writeModel(model, options)).files);
}
