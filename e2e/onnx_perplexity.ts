/**
 * @file An ONNX file judged from outside: its own tokenizer, the text, and onnxruntime-web; nothing of Whittle's program.
 */
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import * as ort from 'onnxruntime-web/wasm';

interface Protocol {
  windows: number;
  seqlen: number;
}

/** exp(mean −log p) over the seqlen − 1 predicted tokens of the first windows of a text. */
export async function onnxPerplexity(
  onnx: string,
  tokenizer: string,
  config: string,
  text: string,
  protocol: Protocol,
) {
  const words = new Tokenizer(JSON.parse(readFileSync(tokenizer, 'utf8')), JSON.parse(readFileSync(config, 'utf8')));
  const { ids } = words.encode(readFileSync(text, 'utf8'));
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(readFileSync(onnx));
  const { windows, seqlen } = protocol;
  let loss = 0;
  for (let window = 0; window < windows; window++) {
    const tokens = ids.slice(window * seqlen, (window + 1) * seqlen);
    const input_ids = new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, seqlen]);
    const { logits } = await session.run({ input_ids });
    const values = logits.data as Float32Array;
    const vocabulary = logits.dims[2];
    for (let position = 0; position + 1 < seqlen; position++) {
      const row = values.subarray(position * vocabulary, (position + 1) * vocabulary);
      loss += logSumExp(row) - row[tokens[position + 1]];
    }
  }
  await session.release();
  return Math.exp(loss / (windows * (seqlen - 1)));
}

function logSumExp(row: Float32Array): number {
  const largest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
