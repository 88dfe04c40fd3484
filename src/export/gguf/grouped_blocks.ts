/**
 * @file Grouped integers (rtn, gptq, awq, tables in 8 bits a row, other tools' checkpoints) as GGUF's blocks of 32: the same
 * numbers wherever a group is a whole number of blocks and the codes fit. Which type is told by the packing alone, so that
 * sizes are known before anything runs.
 */
import { cancelled, WhittleError } from '../../errors/errors.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { type Grouped, groupSize, groupsOf, type Packing } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { blockOf, bytesPerElement, type DType, isFloatType } from '../../tensor/dtype.ts';
import { F16_LIMIT } from '../../tensor/half.ts';
import { setFifthBits, setHalf, setNibbles } from '../../tensor/quant/encode/small_blocks.ts';

export type GroupedBlock = 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q8_0';

const BLOCK = blockOf('Q4_0').elements;

/** Value = d · code, or d · code + m, by how far codes reach from zero: type, and the bits that its blocks take a weight. */
const TYPES: Readonly<Record<Grouped['zero'], Partial<Record<Grouped['bits'], GroupedBlock>>>> = {
  symmetric: { 2: 'Q4_0', 3: 'Q4_0', 4: 'Q4_0', 8: 'Q8_0' },
  // code − zero lies in ±(2^bits − 1).
  integer: { 2: 'Q4_0', 3: 'Q4_0', 4: 'Q5_0' },
  minimum: { 2: 'Q4_1', 3: 'Q4_1', 4: 'Q4_1' },
};

/** The type whose blocks hold such a matrix; undefined where none does: {@link reasonAgainst} says why. */
export function groupedBlock(packing: Packing | undefined, columns: number): GroupedBlock | undefined {
  if (packing?.kind !== 'grouped' || reasonAgainst(packing, columns) !== undefined) return undefined;
  return TYPES[packing.zero][packing.bits];
}

/** What GGUF's blocks have no place for, for people. */
function reasonAgainst(packing: Grouped, columns: number): string | undefined {
  const { zero, bits, ordered, group } = packing;
  if (ordered) return 'an order of inputs (order=dynamic)';
  if (!TYPES[zero][bits]) return `${bits} bits with ${zero === 'integer' ? 'zero points' : 'minimums'}`;
  if (columns % BLOCK !== 0) return `rows of ${columns} inputs, which are no multiple of ${BLOCK}`;
  const size = groupSize(packing, columns);
  return size % BLOCK === 0 || size >= columns ? undefined : `groups of ${group}, which are no multiple of ${BLOCK}`;
}

/** The type of a matrix in a GGUF file that stores it as the model has it; undefined: floats. */
export function storedBlock({ dtype, stored, packed, shape }: WeightOutline): DType | undefined {
  const made = groupedBlock(packed, shape[1]);
  if (made) return made;
  // llama.cpp reads another block under the number of Q2_0_G128.
  return !isFloatType(dtype) && dtype !== 'Q2_0_G128' && !stored ? dtype : undefined;
}

/** Whether its scales are float32 and the file's are float16: then its numbers are not the very same. */
export function hasRoundedScales({ packed, shape }: WeightOutline): boolean {
  return packed?.kind === 'grouped' && packed.scale === 'F32' && groupedBlock(packed, shape[1]) !== undefined;
}

/** Values looked at in one go. */
const CHUNK_VALUES = 2 ** 20;

/**
 * The type for the numbers at hand: 4 bits whose zeros all lie in the middle, as symmetric GPTQ checkpoints have them, fit a
 * narrower block than zeros anywhere do.
 */
export async function blockOfValues(ref: WeightRef, signal?: AbortSignal): Promise<GroupedBlock | undefined> {
  const type = groupedBlock(ref.packed, ref.shape[1]);
  if (type !== 'Q5_0') return type;
  const [rows, columns] = ref.shape;
  const step = Math.max(1, Math.floor(CHUNK_VALUES / columns));
  for (let start = 0; start < rows; start += step) {
    if (signal?.aborted) throw cancelled();
    const part = (await ref.unpack?.({ start, end: Math.min(rows, start + step) })) as GroupedValues | undefined;
    if (part?.zeros?.some((zero) => zero !== MIDDLE)) return type;
  }
  return 'Q4_0';
}

/** Of 4 bits. */
const MIDDLE = 8;

/** The same matrix as a weight of blocks. Throws `limit_exceeded` while it is read, for a scale beyond float16. */
export function asBlocks(ref: WeightRef, type: GroupedBlock): WeightRef {
  const { name, shape, unpack } = ref;
  return {
    name,
    shape,
    dtype: type,
    async read(rows: RowRange = { start: 0, end: shape[0] }) {
      return encodeGrouped((await unpack?.(rows)) as GroupedValues, type, name);
    },
  };
}

/** @param values Of whole rows that {@link groupedBlock} gave the type for. */
export function encodeGrouped(values: GroupedValues, type: GroupedBlock, name: string): Uint8Array {
  const { packing, rows, columns, codes, scales, zeros } = values;
  const { bytes } = blockOf(type);
  const out = new Uint8Array(rows * columns * bytesPerElement(type));
  const groups = groupsOf(packing, columns);
  const size = groupSize(packing, columns);
  const half = 2 ** (packing.bits - 1);
  const q = new Int32Array(BLOCK);
  for (let block = 0; block < (rows * columns) / BLOCK; block++) {
    const from = block * BLOCK;
    const row = Math.floor(from / columns);
    const at = row * groups + Math.floor((from - row * columns) / size);
    const scale = finiteHalf(scales[at], name);
    const zero = packing.zero === 'integer' ? (zeros as Float64Array)[at] : 0;
    for (let i = 0; i < BLOCK; i++) {
      // Symmetric codes are two's complement.
      q[i] = packing.zero === 'symmetric' ? ((codes[from + i] + half) & (2 * half - 1)) - half : codes[from + i] - zero;
    }
    WRITE[type](out, block * bytes, q, scale, packing.zero === 'minimum' ? (zeros as Float64Array)[at] : 0);
  }
  return out;
}

const WRITE: Record<GroupedBlock, (out: Uint8Array, at: number, q: Int32Array, d: number, m: number) => void> = {
  Q4_0(out, at, q, d) {
    setHalf(out, at, d);
    setNibbles(
      out,
      at + 2,
      q.map((code) => code + 8),
    );
  },
  Q4_1(out, at, q, d, m) {
    setHalf(out, at, d);
    setHalf(out, at + 2, m);
    setNibbles(out, at + 4, q);
  },
  Q5_0(out, at, q, d) {
    const shifted = q.map((code) => code + 16);
    setHalf(out, at, d);
    setFifthBits(out, at + 2, shifted);
    setNibbles(out, at + 6, shifted);
  },
  Q8_0(out, at, q, d) {
    setHalf(out, at, d);
    for (let i = 0; i < BLOCK; i++) out[at + 2 + i] = q[i];
  },
};

function finiteHalf(scale: number, name: string): number {
  if (Math.abs(scale) < F16_LIMIT) return scale;
  throw new WhittleError({
    code: 'limit_exceeded',
    message: `A scale of its integers is ${scale}, and GGUF's blocks have float16 scales.`,
    place: { tensor: name },
    allowed: `scales below ${F16_LIMIT}`,
    action: 'Export another format, or requantise the model with a gguf step.',
  });
}

/** What a GGUF file holds otherwise than the model does, each once: said before anything is written. */
export function groupedNotes(weights: Iterable<WeightOutline>): string[] {
  const notes = new Set<string>();
  for (const weight of weights) {
    const { packed, shape } = weight;
    if (!packed || packed.kind === 'blocks') continue;
    const type = groupedBlock(packed, shape[1]);
    if (!type) {
      const why = packed.kind === 'grouped' ? reasonAgainst(packed, shape[1]) : OTHERS[packed.kind];
      notes.add(`GGUF has no blocks for ${why}: such weights are written as floats, their numbers and not their size.`);
      continue;
    }
    if (hasRoundedScales(weight)) notes.add(ROUNDED);
    const { bits, zero } = packed as Grouped;
    if (type === 'Q5_0') notes.add(WIDER_4);
    if (bits < 4) {
      const wide = 8 * bytesPerElement(type);
      notes.add(
        `Weights of ${bits} bits${zero === 'integer' ? ' with zero points' : ''} take ${wide} bits in the file (${type}): GGUF has no smaller block that holds these numbers. Types of a gguf step (q2_k, q3_k_m) are smaller.`,
      );
    }
  }
  return [...notes];
}

const WIDER_4 =
  'Weights of 4 bits with zero points take 5.5 bits in the file (Q5_0; 4.5 as Q4_0 where all zeros lie in the middle): GGUF has no smaller block that holds these numbers. A recipe with grid=minimum takes 5 (Q4_1).';
const ROUNDED =
  'float32 scales of integers are float16 in the file (Q8_0, Q4_0): its numbers differ by up to one part in 2,000, and its perplexity is measured anew.';

const OTHERS: Readonly<Record<Exclude<Packing['kind'], 'grouped' | 'blocks'>, string>> = {
  sparse: 'pruned weights',
  columns: 'integers with kept columns',
  low_rank: 'products of low rank',
  tensor_train: 'tensor trains',
};
