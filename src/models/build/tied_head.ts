/**
 * @file Embedding and head of a config that ties them, by what is stored. As transformers does: one of the two serves both
 * ends, whichever it is; two matrices that differ are two (`tie_weights`: "both are present … with different values").
 */
import type { Checkpoint, TensorInfo } from '../../formats/checkpoint.ts';
import { isDType, isFloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../tensor/half.ts';
import { sameShape } from '../../tensor/shape.ts';
import type { DecoderConfig, WeightNames } from '../architecture.ts';
import { renamed } from './wrapped_names.ts';

/** What is read of each matrix at once. */
const BLOCK_BYTES = 4 * 2 ** 20;

export interface SettledHead {
  readonly checkpoint: Checkpoint;
  readonly config: DecoderConfig;
  readonly notes: readonly string[];
}

/** Reads both matrices, up to the first block that differs, where a tied model stores two. Throws what reading throws. */
export async function settleHead(
  checkpoint: Checkpoint,
  names: WeightNames,
  config: DecoderConfig,
): Promise<SettledHead> {
  const { tensors } = checkpoint;
  const head = names.lm_head.map((name) => `${name}.weight`).find((name) => tensors.has(name));
  if (!config.tie_word_embeddings || head === undefined) return { checkpoint, config, notes: [] };
  const table = `${names.embed_tokens}.weight`;
  const embedding = names.prefixes.map((prefix) => prefix + table).find((name) => tensors.has(name));
  if (embedding === undefined) {
    const prefix = names.prefixes.find((tried) => hasLayers(checkpoint, tried + names.layers)) ?? names.prefixes[0];
    return { checkpoint: renamed(checkpoint, (name) => (name === head ? prefix + table : name)), config, notes: [] };
  }
  if (await sameValues(checkpoint, tensors.get(embedding)!, tensors.get(head)!)) {
    const rest = new Map([...tensors].filter(([name]) => name !== head));
    return { checkpoint: { ...checkpoint, tensors: rest }, config, notes: [] };
  }
  const note = `config.json ties embedding and head (tie_word_embeddings), but ${head} is stored and differs from ${embedding}: both are kept, as transformers does.`;
  return { checkpoint, config: { ...config, tie_word_embeddings: false }, notes: [note] };
}

function hasLayers({ tensors }: Checkpoint, prefix: string): boolean {
  for (const name of tensors.keys()) if (name.startsWith(`${prefix}0.`)) return true;
  return false;
}

async function sameValues(checkpoint: Checkpoint, a: TensorInfo, b: TensorInfo): Promise<boolean> {
  if (!sameShape(a.shape, b.shape)) return false;
  const isFloat = [a, b].every(({ dtype }) => isDType(dtype) && isFloatType(dtype));
  if (a.dtype !== b.dtype && !isFloat) return false;
  const [rows] = a.shape;
  const step = Math.max(1, Math.floor((BLOCK_BYTES * rows) / Math.max(a.bytes, b.bytes, 1)));
  for (let start = 0; start < rows; start += step) {
    const range = { start, end: Math.min(start + step, rows) };
    const read = async ({ name, dtype }: TensorInfo) => {
      const bytes = await checkpoint.read(name, range);
      return a.dtype !== b.dtype && isDType(dtype) && isFloatType(dtype) ? decodeToFloat32(bytes, dtype) : bytes;
    };
    const [left, right] = await Promise.all([read(a), read(b)]);
    if (left.length !== right.length || left.some((value, i) => value !== right[i])) return false;
  }
  return true;
}
