/** @file A checkpoint: named tensors of one model, read by range. What every weight format is turned into. */
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import type { StoredIntegers } from './integers.ts';

export interface RowRange {
  start: number;
  end: number;
}

export interface TensorInfo {
  readonly name: string;
  /** The stored type as the file names it; only {@link DType} names can be decoded. */
  readonly dtype: DType | (string & {});
  readonly shape: Shape;
  readonly bytes: number;
  /** What the file holds where reading widens it to `dtype` (F8, F64); `is_scaled` of F8: whether a scale is multiplied in. */
  readonly stored?: { readonly dtype: string; readonly bytes: number; readonly is_scaled?: boolean };
  /** Of whole numbers with scales, which `read` gives as F32: the codes themselves. */
  readonly integers?: StoredIntegers;
  /** A matrix (out, in), also where the family stores its weights as (in, out). */
  readonly out_in?: boolean;
  /** The file that holds it. */
  readonly file: string;
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Biases that the file shows to be none, where a config calls for them: not in `tensors`, read as zeros. Absent: a tensor
   * that is not there is missing.
   */
  readonly zeros?: ReadonlyMap<string, TensorInfo>;
  /** The file's own name of a tensor, where that is another one (GGUF) and its metadata stands for a config. */
  readonly nameInFile?: (name: string) => string;
  /** Bytes of all tensor data (headers not counted). */
  readonly bytes: number;
  /** What an index promises and no file holds: a fault only where the model needs it. */
  readonly absent?: ReadonlyMap<string, { readonly shard: string; readonly index: string }>;
  /**
   * Little-endian bytes of a tensor in its stored type, row-major; `rows` selects a range of the first dimension.
   * Throws `missing_tensor`, `truncated_file`, `file_changed`.
   */
  read(name: string, rows?: RowRange): Promise<Uint8Array>;
}
