/**
 * @file Two models, tensor by tensor: names of the canonical model, so that a GGUF and a folder of safetensors, a dense model
 * and a compressed one have the same. Read a block of rows at a time; packed weights as the numbers they stand for.
 */
import { breather, throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { storedBytes } from '../../models/model_size.ts';
import { packingLabel } from '../../models/packed/packing.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { elementCount, sameShape } from '../../tensor/shape.ts';

/** A tensor of one of them. */
export interface TensorSide {
  readonly shape: readonly number[];
  /** "F16"; of a packed one its packing: "int4". */
  readonly dtype: string;
  readonly bytes: number;
}

export interface TensorDifference {
  /** "layers.3.attention.q_proj.weight". */
  readonly name: string;
  /** Absent where only the other model has it. */
  readonly a?: TensorSide;
  readonly b?: TensorSide;
  /** ‖B − A‖ / ‖A‖, Frobenius; absent where shapes differ or one has none. Null where A is all zeros and B is not. */
  readonly relative_change?: number | null;
  /** Largest |B − A|; absent as above. */
  readonly max_change?: number;
}

/** Numbers that are decoded at a time of each tensor. */
const BLOCK = 1 << 20;

/** Every weight under its place in the model; one that stands in two places (a tied table) under the first. */
export function placesOf(model: DecoderModel): Map<string, WeightRef> {
  const places = new Map<string, WeightRef>();
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
    seen.add(value);
    if (isWeight(value)) {
      places.set(path, value);
      return;
    }
    for (const [key, part] of Object.entries(value)) visit(part, path === '' ? key : `${path}.${key}`);
  };
  const { embed_tokens, layers, norm, lm_head } = model;
  visit({ embed_tokens, layers, norm, lm_head }, '');
  return places;
}

function isWeight(value: object): value is WeightRef {
  return 'read' in value && typeof value.read === 'function' && 'shape' in value;
}

export interface DiffOptions {
  readonly signal?: AbortSignal;
  /** `fraction` 0 … 1, by numbers compared. */
  readonly onProgress?: (fraction: number, name: string) => void;
}

/** In the order of `a`, what only `b` has at the end. Rejects with what reading a weight throws. */
export async function diffModels(
  a: DecoderModel,
  b: DecoderModel,
  { signal, onProgress }: DiffOptions = {},
): Promise<TensorDifference[]> {
  const [left, right] = [placesOf(a), placesOf(b)];
  const total = [...left.values()].reduce((sum, weight) => sum + elementCount(weight.shape), 0);
  const breathe = breather(signal);
  const rows: TensorDifference[] = [];
  let done = 0;
  for (const [name, weight] of left) {
    throwIfCancelled(signal);
    onProgress?.(done / total, name);
    const other = right.get(name);
    const sides = { a: sideOf(weight), ...(other && { b: sideOf(other) }) };
    const isComparable = other !== undefined && sameShape(other.shape, weight.shape);
    rows.push({ name, ...sides, ...(isComparable && (await changeOf(weight, other, breathe))) });
    done += elementCount(weight.shape);
  }
  for (const [name, weight] of right) if (!left.has(name)) rows.push({ name, b: sideOf(weight) });
  return rows;
}

function sideOf(weight: WeightRef): TensorSide {
  const { shape, dtype, stored, packed } = weight;
  return {
    shape: [...shape],
    dtype: packed ? packingLabel(packed) : (stored?.dtype ?? dtype),
    bytes: storedBytes(weight),
  };
}

async function changeOf(
  a: WeightRef,
  b: WeightRef,
  breathe: () => Promise<void> | undefined,
): Promise<{ relative_change: number | null; max_change: number }> {
  if (a === b) return { relative_change: 0, max_change: 0 };
  const [rows = 1] = a.shape;
  const width = elementCount(a.shape) / Math.max(1, rows);
  const step = Math.max(1, Math.floor(BLOCK / Math.max(1, width)));
  let [squares, changes, most] = [0, 0, 0];
  for (let start = 0; start < rows; start += step) {
    await breathe();
    const range = a.shape.length === 0 ? undefined : { start, end: Math.min(rows, start + step) };
    const [x, y] = [decodeStored(await a.read(range), a.dtype), decodeStored(await b.read(range), b.dtype)];
    for (let i = 0; i < x.length; i++) {
      const change = y[i] - x[i];
      squares += x[i] * x[i];
      changes += change * change;
      most = Math.max(most, Math.abs(change));
    }
  }
  const relative = changes === 0 ? 0 : squares === 0 ? null : Math.sqrt(changes / squares);
  return { relative_change: relative, max_change: most };
}
