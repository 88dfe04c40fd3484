/** @file Tensors, packed matrices and what a device is: the nouns of `backend.ts`, which has all of it. */
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';

export type BackendKind = 'webgpu' | 'cpu';

export interface BackendInfo {
  readonly kind: BackendKind;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** A software adapter: barriers are slow there and nothing runs at GPU speed. */
  readonly isFallbackAdapter: boolean;
  /** Largest tensor, in bytes. Bigger matrices are processed in row chunks by the runtime. */
  readonly maxTensorBytes: number;
  /** It multiplies by packed weights as they are: they take their packed bytes. */
  readonly packs?: boolean;
  /** Block types of which the same is true, for whole fours of rows: bytes that an element then takes. */
  readonly packsBlocks?: Readonly<Partial<Record<DType, number>>>;
  /** Where many rows meet packed weights their inputs are rounded to 16 bits: logits were seen to differ by 10⁻³, perplexities by 2·10⁻⁶ of themselves. */
  readonly roundsInputs?: boolean;
  /** What the adapter offers and how its floats behave, for people; only of WebGPU. */
  readonly capabilities?: AdapterCapabilities;
}

export interface AdapterCapabilities {
  /** Of the adapter, whether they are used or not. */
  readonly features: readonly string[];
  /** Of the device, those that decide what fits. */
  readonly limits: Readonly<Record<string, number>>;
  /** Least and most lanes of a subgroup; absent without subgroups. */
  readonly subgroups?: readonly [least: number, most: number];
  /** Absent where the self-test itself failed. */
  readonly floats?: FloatBehaviour;
  /** The kernel that takes large products. */
  readonly matmul_variant?: MatmulChoice;
}

export interface MatmulChoice {
  /** The kind of kernel and the shape of its workgroup. */
  readonly name: string;
  /** `default`: nothing was measured. */
  readonly chosen_by: 'measurement' | 'default' | 'software adapter';
  /** How many times as fast as the default it was, and what it reached, where that was measured. */
  readonly times_default?: number;
  readonly multiply_adds_per_second?: number;
}

/**
 * How chunk sums are added to a Gram matrix: in a pair by integer operations, in a pair by a float two-sum, or rounded.
 */
export type Summation = 'integer' | 'float' | 'plain';

/** Found out at start-up by running it (notes on numerics, §7). */
export interface FloatBehaviour {
  /** fma rounds once. */
  readonly fma_fused: boolean;
  /** a·b + c rounds once, too. */
  readonly contracts: boolean;
  readonly subnormals_kept: boolean;
  /** x != x is true for NaN. */
  readonly nan_differs_from_itself: boolean;
  /** NaN and infinity are told apart by their bits. */
  readonly nan_by_bits: boolean;
  readonly nan_survives_max: boolean;
  /** Largest errors found, in units of the last place. */
  readonly division_ulp: number;
  readonly sqrt_ulp: number;
  /** Gram sums in pairs are exact, by either method. */
  readonly integer_sum: boolean;
  readonly float_sum: boolean;
  /** The method in use. */
  readonly summation: Summation;
  /** Time of the self-test. */
  readonly ms: number;
}

/** Allocated bytes, not only used ones: that is what predicts running out. */
export interface MemoryUse {
  currentBytes: number;
  peakBytes: number;
}

export interface Tensor {
  readonly shape: Shape;
  /**
   * `f32` tensors are f64 arrays in the reference backend; `u32` holds token ids and counters; `packed` is grouped integers, or
   * two of four, which only `matmul_bt` takes, as b.
   */
  readonly type: 'f32' | 'u32' | 'packed';
  readonly label: string;
  /** Frees the memory; a second call does nothing. */
  dispose(): void;
}

/**
 * Grouped integers of a matrix (out, in) as they are stored: value = scale · (code − zero), scale · code + minimum, or
 * scale · signed code.
 */
export interface PackedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 2 | 3 | 4 | 8;
  /** Inputs that share a scale; the last group of a row may be shorter. */
  readonly group: number | 'row';
  readonly zero: 'symmetric' | 'integer' | 'minimum';
  readonly scale: 'F16' | 'F32';
  /** (rows, columns), `bits` each without a gap, the first in the lowest bits; signed ones in two's complement. */
  readonly codes: Uint8Array;
  /** (rows, groups), little-endian. */
  readonly scales: Uint8Array;
  /** (rows, groups): zero points as codes are, or little-endian float16 minimums. */
  readonly zeros?: Uint8Array;
}

/** A matrix (out, in) of which two of every four consecutive inputs of a row are stored; the others are zero. */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly floats: 'F16' | 'F32';
  /** (rows, columns / 2), little-endian. */
  readonly values: Uint8Array;
  /** (rows, columns / 2): of each value its place in its four inputs, 2 bits each without a gap, the first in the lowest bits. */
  readonly places: Uint8Array;
}
