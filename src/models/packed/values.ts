/**
 * @file What a method finds for a matrix (out, in), on the host, before it is packed: one type a kind of packing. Solvers
 * return these; `pack.ts` makes the stored weight of them, and `dense` tells the numbers that it will be read as.
 */
import type { Blocks, Columns, Grouped, LowRank, Sparse, TensorTrain } from './packing.ts';

/** (rows, columns) is (out, in) throughout; everything is row-major. */
export type PackedValues =
  | GroupedValues
  | SparseValues
  | ColumnsValues
  | LowRankValues
  | BlocksValues
  | TensorTrainValues;

export interface GroupedValues {
  readonly packing: Grouped;
  readonly rows: number;
  readonly columns: number;
  /**
   * (rows, columns), one code a byte: 0 … 2^bits − 1. Symmetric ones are two's complement in the byte (an `Int8Array`'s
   * bytes), −2^(bits−1) … 2^(bits−1) − 1.
   */
  readonly codes: Uint8Array;
  /** (rows, groups), already rounded to the packing's scale type. */
  readonly scales: Float64Array;
  /** (rows, groups): integer zero points, or float16 minimums; absent for `symmetric`. */
  readonly zeros?: Float64Array;
  /** (columns): column j of the codes is input order[j]; only where the packing is `ordered`. */
  readonly order?: Uint16Array;
}

export interface SparseValues {
  readonly packing: Sparse;
  readonly rows: number;
  readonly columns: number;
  /** (rows, columns), zero where nothing is kept. */
  readonly values: Float64Array;
  /** (rows, columns), 1 where kept (also where the value there happens to be 0). */
  readonly mask: Uint8Array;
}

export interface ColumnsValues {
  readonly packing: Columns;
  readonly rows: number;
  readonly columns: number;
  /** Kept input columns, ascending. */
  readonly indices: Uint16Array;
  /** (rows, kept). */
  readonly kept: Float64Array;
  /** The other columns in their order, (rows, columns − kept): groups count without the kept ones. */
  readonly rest: GroupedValues;
}

export interface LowRankValues {
  readonly packing: LowRank;
  readonly rows: number;
  readonly columns: number;
  /** (rows, rank). */
  readonly up: Float64Array;
  /** (rank, columns). */
  readonly down: Float64Array;
  readonly base?: GroupedValues;
}

export interface BlocksValues {
  readonly packing: Blocks;
  readonly rows: number;
  readonly columns: number;
  /** Rows of whole blocks, one after another. */
  readonly blocks: Uint8Array;
}

export interface TensorTrainValues {
  readonly packing: TensorTrain;
  readonly rows: number;
  readonly columns: number;
  /** (rows, numbers of a train): core after core, each (r₋₁, size, r). */
  readonly cores: Float64Array;
}
