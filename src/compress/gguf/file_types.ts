/**
 * @file Which of GGUF's block types each matrix gets in a file of a named type: "Q4_K_M" is mostly Q4_K, with finer types
 * where errors cost most. Facts from llama.cpp's quantiser (src/llama-quant.cpp), held to a real one by `gguf.test.ts`; its
 * exception for models of 80 layers is left out.
 */
import { blockOf } from '../../tensor/dtype.ts';
import type { EncodableType } from '../../tensor/quant/encode/encode.ts';
import type { LinearName } from '../layerwise_types.ts';

/** By name: what most matrices get. */
const BASES = {
  q8_0: 'Q8_0',
  q6_k: 'Q6_K',
  q5_k_m: 'Q5_K',
  q5_k_s: 'Q5_K',
  q5_1: 'Q5_1',
  q5_0: 'Q5_0',
  q4_k_m: 'Q4_K',
  q4_k_s: 'Q4_K',
  iq4_nl: 'IQ4_NL',
  mxfp4: 'MXFP4',
  q4_1: 'Q4_1',
  q4_0: 'Q4_0',
  q3_k_l: 'Q3_K',
  q3_k_m: 'Q3_K',
  q3_k_s: 'Q3_K',
  q2_k: 'Q2_K',
} as const satisfies Record<string, EncodableType>;

/** As people name files: q4_k_m. */
export type FileType = keyof typeof BASES;

export const FILE_TYPES = Object.keys(BASES) as readonly FileType[];

/** A matrix and the model around it, as far as its type depends on them. */
export interface Place {
  readonly layer: number;
  readonly layers: number;
  /** Query heads a key/value head. */
  readonly sharing: number;
  /** q, k and v are one matrix in llama.cpp's graph. */
  readonly is_fused: boolean;
  readonly is_falcon: boolean;
  /** The text weighs errors. */
  readonly has_importance: boolean;
}

type Rule = (place: Place) => EncodableType | undefined;

/** The first and last eighth of the layers, and every third between them. */
function isFine({ layer, layers }: Place): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

const isFirst = ({ layer, layers }: Place, share: number) => layer < Math.floor(layers / share);

const V: Partial<Record<FileType, Rule>> = {
  q2_k: ({ sharing }) => (sharing >= 4 ? 'Q4_K' : 'Q3_K'),
  q3_k_m: ({ layer }) => (layer < 2 ? 'Q5_K' : 'Q4_K'),
  q3_k_l: () => 'Q5_K',
  q4_k_s: ({ layer }) => (layer < 4 ? 'Q5_K' : undefined),
  q4_k_m: (place) => (isFine(place) ? 'Q6_K' : undefined),
  iq4_nl: ({ sharing }) => (sharing >= 4 ? 'Q5_K' : undefined),
  q5_k_m: (place) => (isFine(place) ? 'Q6_K' : undefined),
};

const QKV: Partial<Record<FileType, Rule>> = {
  q3_k_m: () => 'Q4_K',
  q3_k_l: () => 'Q4_K',
  q4_k_m: () => 'Q5_K',
  q5_k_m: () => 'Q6_K',
};

const O: Partial<Record<FileType, Rule>> = {
  q2_k: () => 'Q3_K',
  q3_k_m: () => 'Q4_K',
  q3_k_l: () => 'Q5_K',
};

const DOWN: Partial<Record<FileType, Rule>> = {
  q2_k: () => 'Q3_K',
  q3_k_m: (place) => {
    if (isFirst(place, 16)) return 'Q5_K';
    return !place.is_falcon || isFine(place) ? 'Q4_K' : undefined;
  },
  q3_k_l: ({ is_falcon }) => (is_falcon ? 'Q4_K' : 'Q5_K'),
  q4_k_s: (place) => (!place.is_falcon && isFirst(place, 8) ? 'Q5_K' : undefined),
  q4_k_m: (place) => {
    if (place.is_falcon) return isFirst(place, 16) ? 'Q6_K' : isFine(place) ? 'Q5_K' : undefined;
    return isFine(place) ? 'Q6_K' : undefined;
  },
  q5_k_m: (place) => (isFine(place) ? 'Q6_K' : undefined),
  iq4_nl: (place) => (!place.has_importance && !place.is_falcon && isFirst(place, 8) ? 'Q5_K' : undefined),
  q4_0: (place) => (place.has_importance && isFirst(place, 8) ? 'Q4_1' : undefined),
  q5_0: (place) => (place.has_importance && isFirst(place, 8) ? 'Q5_1' : undefined),
};

function rulesOf(name: LinearName, { is_fused, is_falcon }: Place): Partial<Record<FileType, Rule>> {
  if (name === 'down_proj') return DOWN;
  if (name === 'o_proj') return is_falcon ? {} : O;
  if (is_fused && (name === 'q_proj' || name === 'k_proj' || name === 'v_proj')) return QKV;
  return name === 'v_proj' ? V : {};
}

/** Of a linear with rows of that many inputs; undefined where no block type fits the row. */
export function linearType(file: FileType, name: LinearName, columns: number, place: Place): EncodableType | undefined {
  return fitting(rulesOf(name, place)[file]?.(place) ?? BASES[file], columns);
}

/** Of the matrix that makes logits, also where it is the embedding as well. */
export function headType(file: FileType, columns: number, is_falcon: boolean): EncodableType | undefined {
  const isWide = !is_falcon && columns % blockOf('Q6_K').elements === 0;
  return fitting(file === 'q8_0' || file === 'mxfp4' || !isWide ? 'Q8_0' : 'Q6_K', columns);
}

/** Of an embedding by itself. */
export function tableType(file: FileType, columns: number): EncodableType | undefined {
  return fitting(BASES[file], columns);
}

/** For rows that are no whole number of blocks of 256: a type of blocks of 32 that is no worse. */
const NARROWER: Partial<Record<EncodableType, EncodableType>> = {
  Q2_K: 'IQ4_NL',
  Q3_K: 'IQ4_NL',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
};

/** The type itself, or the one that takes its place in such rows; undefined: none does. */
export function fitting(type: EncodableType, columns: number): EncodableType | undefined {
  if (columns % blockOf(type).elements === 0) return type;
  const narrower = NARROWER[type];
  return narrower && columns % blockOf(narrower).elements === 0 ? narrower : undefined;
}
