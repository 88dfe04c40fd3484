/** @file Weights in the order and form that llama.cpp stores them: views that read only the rows they are asked for. */
import type { RowRange } from '../../formats/checkpoint.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { mergedRows } from '../../models/weight_views.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat } from '../../tensor/half.ts';

/**
 * Rows of q or k (or of their bias) with the pairs that rotary turns as neighbours: of each head, row i of the first half
 * goes to 2i, row i of the second half to 2i + 1. Whole rows move, so blocks of quantised rows stay what they are.
 */
export function interleavedRows(ref: WeightRef, head_dim: number): WeightRef {
  const [rows] = ref.shape;
  return {
    ...ref,
    async read({ start, end }: RowRange = { start: 0, end: rows }) {
      const first = Math.floor(start / head_dim) * head_dim;
      const stored = await ref.read({ start: first, end: Math.ceil(end / head_dim) * head_dim });
      const bytes = stored.byteLength / (Math.ceil(end / head_dim) * head_dim - first);
      const out = new Uint8Array((end - start) * bytes);
      for (let row = start; row < end; row++) {
        const inHead = row % head_dim;
        const source = row - inHead + (inHead % 2) * (head_dim / 2) + Math.floor(inHead / 2) - first;
        out.set(stored.subarray(source * bytes, (source + 1) * bytes), (row - start) * bytes);
      }
      return out;
    },
  };
}

/** Weights below one another; F32 where their types differ. */
export function stackedRows(parts: readonly WeightRef[], name: string): WeightRef {
  let rows = 0;
  const placed = parts.map((ref) => {
    const first = rows;
    rows += ref.shape[0];
    return { ref, target: (row: number) => first + row };
  });
  return mergedRows(placed, name);
}

/** The same numbers plus `added`, in F32: Gemma's norms, which llama.cpp keeps with their 1. */
export function raised(ref: WeightRef, added: number): WeightRef {
  if (added === 0) return ref;
  return {
    name: ref.name,
    dtype: 'F32',
    shape: ref.shape,
    read: async (rows) =>
      encodeFromFloat(
        decodeStored(await ref.read(rows), ref.dtype).map((value) => value + added),
        'F32',
      ),
  };
}

/** Numbers that no checkpoint holds. */
export function tableRef(name: string, values: readonly number[]): WeightRef {
  const read = async ({ start, end }: RowRange = { start: 0, end: values.length }) =>
    encodeFromFloat(Float32Array.from(values.slice(start, end)), 'F32');
  return { name, dtype: 'F32', shape: [values.length], read };
}
