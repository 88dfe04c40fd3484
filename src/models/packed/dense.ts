/** @file The numbers that a packed matrix stands for, (rows, columns) in f32: every kind in one place. */
import { decodeStored } from '../../tensor/decode.ts';
import { groupSize, groupsOf, type PackingKind, trainLength } from './packing.ts';
import type { ColumnsValues, GroupedValues, LowRankValues, PackedValues, TensorTrainValues } from './values.ts';

type Of<K extends PackingKind> = Extract<PackedValues, { packing: { kind: K } }>;

const DENSE: { [K in PackingKind]: (values: Of<K>) => Float32Array } = {
  grouped: groupedDense,
  sparse: ({ values }) => Float32Array.from(values),
  columns: columnsDense,
  low_rank: lowRankDense,
  blocks: ({ packing, blocks }) => decodeStored(blocks, packing.dtype),
  tensor_train: trainDense,
};

export function dense(values: PackedValues): Float32Array {
  return (DENSE[values.packing.kind] as (values: PackedValues) => Float32Array)(values);
}

/** scale · (code − zero), scale · code + minimum, or scale · code, in f64 and rounded once. */
function groupedDense({ packing, rows, columns, codes, scales, zeros, order }: GroupedValues): Float32Array {
  const out = new Float32Array(rows * columns);
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const isSigned = packing.zero === 'symmetric';
  const half = 2 ** (packing.bits - 1);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const scale = scales[row * groups + group];
      const zero = zeros ? zeros[row * groups + group] : 0;
      const end = row * columns + Math.min(columns, (group + 1) * size);
      for (let i = row * columns + group * size; i < end; i++) {
        const to = order ? row * columns + order[i - row * columns] : i;
        const code = isSigned ? ((codes[i] + half) & (2 * half - 1)) - half : codes[i];
        out[to] = packing.zero === 'minimum' ? scale * code + zero : scale * (code - zero);
      }
    }
  }
  return out;
}

function columnsDense({ rows, columns, indices, kept, rest }: ColumnsValues): Float32Array {
  const out = new Float32Array(rows * columns);
  const others = dense(rest);
  const places = otherColumns(indices, columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < indices.length; i++) out[row * columns + indices[i]] = kept[row * indices.length + i];
    for (let i = 0; i < places.length; i++) out[row * columns + places[i]] = others[row * places.length + i];
  }
  return out;
}

/** Columns that are not kept, ascending. @param indices Ascending. */
export function otherColumns(indices: ArrayLike<number>, columns: number): Uint32Array {
  const isKept = new Uint8Array(columns);
  for (let i = 0; i < indices.length; i++) isKept[indices[i]] = 1;
  return Uint32Array.from({ length: columns }, (_, column) => column).filter((column) => !isKept[column]);
}

function lowRankDense({ packing, rows, columns, up, down, base }: LowRankValues): Float32Array {
  const out = base ? dense(base) : new Float32Array(rows * columns);
  const { rank } = packing;
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = up[row * rank + k];
      for (let column = 0; column < columns; column++) sums[column] += factor * down[k * columns + column];
    }
    for (let column = 0; column < columns; column++) out[row * columns + column] += sums[column];
  }
  return out;
}

/** Cores multiplied from left to right, in f64. */
function trainDense({ packing, rows, columns, cores }: TensorTrainValues): Float32Array {
  const out = new Float32Array(rows * columns);
  const { shape, ranks } = packing;
  const length = trainLength(packing);
  for (let row = 0; row < rows; row++) {
    let at = row * length;
    // (places so far, rank) row-major.
    let left = Float64Array.of(1);
    for (const [k, size] of shape.entries()) {
      const [from, to] = [ranks[k - 1] ?? 1, ranks[k] ?? 1];
      const places = left.length / from;
      const next = new Float64Array(places * size * to);
      for (let place = 0; place < places; place++) {
        for (let r = 0; r < from; r++) {
          const factor = left[place * from + r];
          const core = at + r * size * to;
          for (let i = 0; i < size * to; i++) next[place * size * to + i] += factor * cores[core + i];
        }
      }
      at += from * size * to;
      left = next;
    }
    out.set(left, row * columns);
  }
  return out;
}
