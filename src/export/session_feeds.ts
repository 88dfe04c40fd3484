/**
 * @file Inputs of an exported decoder for a text from its start, in either layout: what the session declares is what it
 * gets. The runtime is handed in, so that Worker and Node share this.
 */
import type * as Ort from 'onnxruntime-web/wasm';

type TensorClass = Pick<typeof Ort, 'Tensor'>;

/** What a run before has left: `present.*` of so many tokens. */
export interface Past {
  readonly length: number;
  readonly outputs: Readonly<Record<string, Ort.Tensor>>;
}

/**
 * Feeds for texts of one length without padding: the mask all ones, positions from 0, an empty cache; or for the tokens behind
 * a past, of one text.
 */
export function feedsOf(
  ort: TensorClass,
  session: Ort.InferenceSession,
  ids: Uint32Array,
  batch = 1,
  past?: Past,
): Record<string, Ort.Tensor> {
  const feeds: Record<string, Ort.Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) continue;
    const { name, shape } = input;
    feeds[name] = past ? feedAfter(ort, name, ids, past) : feedOf(ort, name, shape, ids, batch);
  }
  return feeds;
}

function feedAfter(ort: TensorClass, name: string, ids: Uint32Array, { length, outputs }: Past): Ort.Tensor {
  const kept = outputs[name.replace('past_key_values.', 'present.')];
  if (kept) return kept;
  const int64 = (values: readonly number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  if (name === 'attention_mask') return int64(new Array<number>(length + ids.length).fill(1));
  return int64(name === 'position_ids' ? Array.from(ids, (_, i) => length + i) : Array.from(ids));
}

/** One of these inputs. @param shape As it is declared. */
export function feedOf(
  ort: TensorClass,
  name: string,
  shape: readonly (number | string)[],
  ids: Uint32Array,
  batch: number,
): Ort.Tensor {
  const length = ids.length / batch;
  const int64 = (values: ArrayLike<number>) =>
    new ort.Tensor('int64', BigInt64Array.from(values as ArrayLike<number>, BigInt), [batch, length]);
  if (name === 'input_ids') return int64(ids);
  if (name === 'attention_mask') return int64(ids.map(() => 1));
  if (name === 'position_ids') return int64(ids.map((_, i) => i % length));
  return emptyPast(ort, shape, batch);
}

/** Zero tokens of keys or values, (batch, K, 0, head_dim): of the declared shape, only batch and length are names. */
function emptyPast(ort: TensorClass, declared: readonly (number | string)[], batch: number): Ort.Tensor {
  const dims = declared.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? batch : 0));
  return new ort.Tensor('float32', new Float32Array(0), dims);
}
