/** @file Where a weight's numbers come from, for weights that can be found again after the engine that made them is gone. */
import type { RowRange } from '../../formats/checkpoint.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { WeightRef } from '../decoder_model.ts';
import type { Packing } from '../packed/packing.ts';

/** A stretch of a named scratch file. */
export interface StoredPlace {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

export type Origin =
  | { readonly kind: 'blocks'; readonly blocks: readonly { readonly rows: RowRange; readonly place: StoredPlace }[] }
  | {
      readonly kind: 'packed';
      readonly packing: Packing;
      readonly parts: readonly { readonly part: string; readonly place: StoredPlace }[];
    }
  /** The other's numbers in another float type. */
  | { readonly kind: 'float'; readonly of: WeightRef; readonly dtype: DType & ('F32' | 'F16' | 'BF16') };

const origins = new WeakMap<WeightRef, Origin>();

export function setOrigin(ref: WeightRef, origin: Origin): WeightRef {
  origins.set(ref, origin);
  return ref;
}

/** Undefined for weights of files that were opened, for views of them, and for what is stored under no name. */
export function originOf(ref: WeightRef): Origin | undefined {
  return origins.get(ref);
}
