/**
 * @file A base model with a LoRA merged into it, as a checkpoint: W + scale·B·A is computed as rows are read, in f64, and rounded
 * once to the type of W, as peft's `merge_and_unload` does in f32.
 */
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { sameShape } from '../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import type { Adapter, Factors } from './adapter.ts';

type FloatType = 'F32' | 'F16' | 'BF16';

interface Change {
  readonly factors: Factors;
  /** The weight is stored as (in, out), or is an embedding: A's columns are its rows. */
  readonly is_turned: boolean;
}

export interface Merged {
  readonly checkpoint: Checkpoint;
  readonly notes: readonly string[];
}

/** @throws `missing_tensor`, `shape_mismatch`, `unsupported_dtype`. */
export function mergeAdapter(of: Checkpoint, adapter: Adapter): Merged {
  // An adapter of an embedding holds that whole, too: the factors are of what it holds.
  const base = withWhole(of, adapter);
  const tensors = new Map(base.tensors);
  const changes = new Map<string, Change>();
  const floats: string[] = [];
  for (const factors of adapter.factors) {
    const info = findWeight(base, adapter, factors);
    if (info.integers || info.stored) floats.push(info.name);
    changes.set(info.name, { factors, is_turned: isTurned(info, factors, adapter) });
    const { stored: _, integers: __, ...plain } = info;
    tensors.set(info.name, { ...plain, bytes: bytesOf(info) });
  }
  const read = async (name: string, rows?: RowRange): Promise<Uint8Array> => {
    const change = changes.get(name);
    return change ? mergedRows(base, adapter, name, change, rows) : base.read(name, rows);
  };
  let bytes = 0;
  for (const info of tensors.values()) bytes += info.bytes;
  return { checkpoint: { ...base, tensors, bytes, read }, notes: notesOf(adapter, floats) };
}

/** The base with what the adapter holds whole in its place. */
function withWhole(base: Checkpoint, { whole, checkpoint, weights }: Adapter): Checkpoint {
  const tensors = new Map(base.tensors);
  const replaced = new Map<string, string>();
  for (const [path, info] of whole) {
    const own = matching(base, path);
    // A base in ONNX may hold the transpose of what the family's class stores.
    const fits = own && [own.shape, own.shape.toReversed()].some((shape) => sameShape(shape, info.shape));
    if (own && !fits) throw otherShape(own, info, weights.name);
    const name = own?.name ?? path;
    tensors.set(name, { ...info, name, file: weights.name });
    replaced.set(name, info.name);
  }
  const read = async (name: string, rows?: RowRange): Promise<Uint8Array> => {
    const own = replaced.get(name);
    return own === undefined ? base.read(name, rows) : checkpoint.read(own, rows);
  };
  return { ...base, tensors, read };
}

function otherShape(own: TensorInfo, info: TensorInfo, file: string): WhittleError {
  const [rows, wanted] = [own.shape[0], info.shape[0]];
  // Tokens were added: an embedding or a head has more rows, and as wide ones.
  const isResized = own.shape.length === 2 && rows !== wanted && sameShape(own.shape.slice(1), info.shape.slice(1));
  return new WhittleError({
    code: 'shape_mismatch',
    message: `${own.name} is ${own.shape.join(' × ')} in the base model, and ${info.shape.join(' × ')} in the adapter${isResized ? ': the vocabulary was resized before it was trained' : ''}.`,
    place: { file, tensor: info.name },
    allowed: own.shape.join(' × '),
    action: isResized
      ? `Resize the base model as it was (transformers: model.resize_token_embeddings(${wanted})), save it with the adapter's tokenizer, and open the adapter with that; or merge it with peft.`
      : 'Open the adapter with the model that it was trained on.',
  });
}

function notesOf({ config, factors, whole }: Adapter, floats: readonly string[]): string[] {
  const saved =
    whole.size > 0 ? ` and ${whole.size === 1 ? 'a tensor' : `${whole.size} tensors`} that it holds whole` : '';
  const of = config.base === undefined ? '' : `, of an adapter to ${config.base}`;
  const matrices = factors.length === 1 ? 'one matrix' : `${factors.length} matrices`;
  const notes = [`LoRA factors were merged into ${matrices}${saved}${of}.`];
  if (floats.length === 0) return notes;
  return [
    ...notes,
    `${floats.length} of them were quantised (${floats[0]} and others) and are floats now: merging leaves no grid.`,
  ];
}

function findWeight(base: Checkpoint, { weights }: Adapter, { module, A, is_embedding }: Factors): TensorInfo {
  const info = matching(base, `${module}.weight`);
  const place = { file: weights.name, tensor: A.name };
  if (!info) {
    const isHead = /(?:lm_head|embed_out)$/.test(module);
    throw new WhittleError({
      code: 'missing_tensor',
      message: `The adapter changes ${module}, which the base model does not hold${isHead ? ': its head is the embedding' : ''}.`,
      place,
      allowed: 'modules of the base model',
      action: isHead
        ? 'Untie the head of the base model first: save it with a matrix of its own.'
        : 'Open the adapter with the model that it was trained on.',
    });
  }
  if (is_embedding && !hasHead(base)) {
    throw new WhittleError({
      code: 'missing_tensor',
      message: `The adapter changes the embedding ${module}, and not the head, which is the same matrix in this base model.`,
      place,
      allowed: 'an adapter of linear layers, or a base model with a head of its own',
      action: 'Untie the head of the base model first: save it with a matrix of its own.',
    });
  }
  if (isFloat(info)) return info;
  throw new WhittleError({
    code: 'unsupported_dtype',
    message: `${info.name} is ${info.dtype}, into which nothing can be merged.`,
    place: { file: info.file, tensor: info.name },
    allowed: 'F32, F16, BF16',
    action: 'Open the adapter with a base model in floats.',
  });
}

function hasHead(base: Checkpoint): boolean {
  return [...base.tensors.keys()].some((name) => /(?:^|\.)(?:lm_head|embed_out|output)\.weight$/.test(name));
}

function isFloat(info: TensorInfo): info is TensorInfo & { dtype: FloatType } {
  return info.dtype === 'F32' || info.dtype === 'F16' || info.dtype === 'BF16';
}

/** By its name, or by the one that ends like it: files leave out "transformer." or put something before it. */
function matching(base: Checkpoint, name: string): TensorInfo | undefined {
  const exact = base.tensors.get(name);
  if (exact) return exact;
  const like = [...base.tensors.values()].filter(
    (info) => info.name.endsWith(`.${name}`) || name.endsWith(`.${info.name}`),
  );
  return like.length === 1 ? like[0] : undefined;
}

/** @throws `shape_mismatch`. */
function isTurned(info: TensorInfo, { A, B, is_embedding, module }: Factors, { weights, config }: Adapter): boolean {
  const [rows, columns] = info.shape;
  const [out, inner] = [B.shape[0], A.shape[1]];
  const isPlain = info.shape.length === 2 && rows === out && columns === inner;
  const canTurn = info.shape.length === 2 && rows === inner && columns === out;
  if (is_embedding && canTurn) return true;
  if (!is_embedding && isPlain && canTurn) return config.fan_in_fan_out && info.out_in !== true;
  if (!is_embedding && (isPlain || canTurn)) return canTurn;
  throw new WhittleError({
    code: 'shape_mismatch',
    message: `${module} is ${info.shape.join(' × ')} in the base model; the adapter's factors give ${out} × ${inner}.`,
    place: { file: weights.name, tensor: A.name },
    allowed: `factors for ${info.shape.join(' × ')}`,
    action: 'Open the adapter with the model that it was trained on.',
  });
}

function bytesOf({ shape, dtype }: TensorInfo): number {
  return shape.reduce((product, size) => product * size, 1) * (dtype === 'F32' ? 4 : 2);
}

async function mergedRows(
  base: Checkpoint,
  { checkpoint }: Adapter,
  name: string,
  { factors, is_turned }: Change,
  rows?: RowRange,
): Promise<Uint8Array> {
  const info = base.tensors.get(name) as TensorInfo & { dtype: FloatType };
  const [height, width] = info.shape;
  const { start, end } = rows ?? { start: 0, end: height };
  const [W, A, B] = await Promise.all([
    base.read(name, rows).then((bytes) => decodeStored(bytes, info.dtype)),
    numbers(checkpoint, factors.A),
    numbers(checkpoint, factors.B),
  ]);
  const rank = factors.A.shape[0];
  const inner = factors.A.shape[1];
  // Of Wᵀ the change is Aᵀ·Bᵀ: row i is Σ A[k, i]·B[:, k].
  const left = (row: number, k: number) => (is_turned ? A[k * inner + row] : B[row * rank + k]);
  const right = is_turned ? turned(B, width, rank) : A;
  const sum = new Float64Array(width);
  for (let row = start; row < end; row++) {
    sum.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = factors.scale * left(row, k);
      for (let column = 0; column < width; column++) sum[column] += factor * right[k * width + column];
    }
    const at = (row - start) * width;
    for (let column = 0; column < width; column++) W[at + column] += sum[column];
  }
  return encodeFromFloat(W, info.dtype);
}

async function numbers(checkpoint: Checkpoint, info: TensorInfo): Promise<Float32Array> {
  if (isFloat(info)) return decodeStored(await checkpoint.read(info.name), info.dtype);
  throw new WhittleError({
    code: 'unsupported_dtype',
    message: `A factor of the adapter is ${info.dtype}.`,
    place: { file: info.file, tensor: info.name },
    allowed: 'F32, F16, BF16',
    action: 'Save the adapter in floats.',
  });
}

/** (rows, columns) → (columns, rows). */
function turned(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) out[k * rows + i] = values[i * columns + k];
  return out;
}
