/** @file Finds the ONNX file of a model folder: Optimum's, transformers.js' (`onnx/model.onnx`), or Whittle's. */
import { WhittleError } from '../../errors/errors.ts';
import { part } from '../../errors/part.ts';
import type { OpenedOnnx } from '../onnx/checkpoint.ts';
import { type ByteSource, blobSource } from '../source.ts';
import { readJsonObject } from './config.ts';

/** Weights as floats first; names of Optimum and of transformers.js. */
const PREFERRED = ['model', 'decoder_model_merged', 'decoder_model', 'model_fp16', 'decoder_model_merged_fp16'].flatMap(
  (stem) => [`${stem}.onnx`, `onnx/${stem}.onnx`],
);
const QUANTISED = /_(q\d\w*|u?int8|bnb4|quantized)\.onnx$/;
/** Among them those with blocks of integers (MatMulNBits), which are read, the most bits first. */
const READ = ['q8', 'q8f16', 'q4', 'q4f16', 'q2', 'q2f16'];

/** The ONNX file to open; undefined where there is none or where several could be meant. */
export function chooseOnnx(names: readonly string[]): string | undefined {
  const candidates = names.filter((name) => name.endsWith('.onnx'));
  if (candidates.length === 0) return undefined;
  const preferred = PREFERRED.find((name) => candidates.includes(name));
  if (preferred !== undefined || candidates.length === 1) return preferred ?? candidates[0];
  if (!candidates.every((name) => QUANTISED.test(name))) return undefined;
  // Without any of those, one of them gives the message that explains it.
  const read = READ.map((type) => candidates.find((name) => name.endsWith(`_${type}.onnx`)));
  return read.find((name) => name !== undefined) ?? candidates[0];
}

const GENAI_CONFIG = 'genai_config.json';

/** Opens it; external data lie beside it. Throws what `openOnnx` throws, and what {@link part} does. */
export async function openOnnxFile(name: string, find: (name: string) => ByteSource | undefined): Promise<OpenedOnnx> {
  const folder = name.slice(0, name.lastIndexOf('/') + 1);
  const { openOnnx } = await part(() => import('../onnx/checkpoint.ts'));
  return openOnnx(find(name)!, (file) => find(folder + file));
}

/**
 * config.json from genai_config.json beside it, where there is one: onnxruntime-genai's builder writes no other. Throws
 * `bad_config`, `unknown_architecture`.
 */
export async function genaiConfig(
  onnx: OpenedOnnx,
  find: (name: string) => ByteSource | undefined,
): Promise<ByteSource | undefined> {
  const genai = find(GENAI_CONFIG);
  if (!genai) return undefined;
  const config = await onnx.configFrom(await readJsonObject(genai));
  return blobSource('config.json', new Blob([JSON.stringify(config, null, 2)]));
}

/** `not_a_model` for an ONNX file that lies alone: what it is, and what it lacks. */
export function onnxWithoutConfig(file: string, summary: string): WhittleError {
  const is_decoder = /inputs .*\binput_ids\b.*; outputs .*\blogits\b/.test(summary);
  return new WhittleError({
    code: 'not_a_model',
    message: `There is no config.json beside this ONNX file, so nothing says which model it is. It is ${summary}.`,
    place: { file: 'config.json' },
    allowed: 'a causal language model with config.json and tokenizer.json',
    action: is_decoder
      ? `Put the config.json and tokenizer.json of the model that it was exported from beside ${file}.`
      : 'It does not look like a language model (no input_ids, no logits): only decoders can be sliced.',
  });
}
