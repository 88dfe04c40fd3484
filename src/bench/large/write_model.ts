/**
 * @file Writes a Llama of any size with random weights to disk: what a model of billions costs does not depend on what its
 * weights say. Nothing of it is in memory but one block.
 */
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { safetensorsHeader } from '../../formats/safetensors/write.ts';
import type { LlamaSizes } from '../memory_plans.ts';
import { byteTokenizer, type LlamaTensor, llamaConfig, llamaTensors, shardsOf, tensorBytes } from './llama_tensors.ts';

const SHARD_BYTES = 1e9;
const BLOCK_ELEMENTS = 8 * 2 ** 20;
/** Standard deviation, as models are initialised. */
const SPREAD = 0.02;
const BF16_ONE = 0x3f80;

export interface WriteOptions {
  seed?: number;
  /** Layers from here on stay holes of a sparse file, which read as zeros and take no room. */
  filled_layers?: number;
  shard_bytes?: number;
  onBytes?: (written: number, total: number) => void;
}

/** config.json, tokenizer.json and BF16 shards with their index in a new `folder`. @returns Bytes of the weights. */
export async function writeLlama(folder: string, sizes: LlamaSizes, options: WriteOptions = {}): Promise<number> {
  const { seed = 1, filled_layers = sizes.layers, shard_bytes = SHARD_BYTES, onBytes = () => {} } = options;
  await mkdir(folder, { recursive: true });
  const tensors = llamaTensors(sizes);
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const shards = shardsOf(tensors, shard_bytes);
  const weight_map: Record<string, string> = {};
  const random = randomBf16(seed);
  const isFilled = ({ layer = 0 }: LlamaTensor) => layer < filled_layers;
  let written = 0;
  for (const [index, shard] of shards.entries()) {
    const name = `model-${five(index + 1)}-of-${five(shards.length)}.safetensors`;
    const header = safetensorsHeader(shard);
    const file = await open(join(folder, name), 'w');
    try {
      await file.write(header);
      let at = header.byteLength;
      for (const tensor of shard) {
        const bytes = tensorBytes(tensor);
        if (isFilled(tensor)) await fill(file, at, tensor, random);
        at += bytes;
        written += bytes;
        onBytes(written, total);
        weight_map[tensor.name] = name;
      }
      await file.truncate(at);
    } finally {
      await file.close();
    }
  }
  const json = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value));
  await json('model.safetensors.index.json', { metadata: { total_size: total }, weight_map });
  await json('config.json', llamaConfig(sizes));
  await json('tokenizer.json', byteTokenizer());
  return total;
}

async function fill(
  file: FileHandle,
  start: number,
  { shape }: LlamaTensor,
  random: (out: Uint16Array) => void,
): Promise<void> {
  const elements = shape.reduce((product, size) => product * size, 1);
  for (let done = 0; done < elements; done += BLOCK_ELEMENTS) {
    const block = new Uint16Array(Math.min(BLOCK_ELEMENTS, elements - done));
    // The only vectors are the norms' weights.
    if (shape.length === 1) block.fill(BF16_ONE);
    else random(block);
    const bytes = new Uint8Array(block.buffer);
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, start + 2 * done + at);
      at += bytesWritten;
    }
  }
}

/** Fills arrays with uniform numbers of mean 0 as BF16, one sequence for all of them (xorshift32). */
function randomBf16(seed: number): (out: Uint16Array) => void {
  let state = seed | 0 || 1;
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  const factor = (SPREAD * Math.sqrt(3)) / 2 ** 31;
  return (out) => {
    for (let i = 0; i < out.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      float[0] = state * factor;
      out[i] = bits[0] >>> 16;
    }
  };
}

const five = (number: number) => String(number).padStart(5, '0');
