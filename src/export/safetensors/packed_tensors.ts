/** @file The stored tensors of a packed linear, form by form: codes in words of 32 bits, lowest first, scales, zeros, groups of inputs. */
import type { TensorToWrite } from '../../formats/safetensors/write.ts';
import { groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { moduleOf, type PackedForm, type PackedLinear } from './packed_form.ts';

export function packedTensors(linear: PackedLinear, form: PackedForm, isVersion2: boolean): TensorToWrite[] {
  return form === 'gptq' ? gptqTensors(linear, isVersion2) : compressedTensors(linear);
}

/** Values unpacked at a time. */
const CHUNK_VALUES = 2 ** 20;

/** Unsigned codes under their inputs, and unsigned zeros. */
interface Rows {
  readonly rows: number;
  /** (rows, columns). */
  readonly codes: Uint8Array;
  /** (rows, groups). */
  readonly scales: Float64Array;
  readonly zeros: Float64Array;
  readonly order?: Uint16Array;
}

async function* rowsOf({ ref }: PackedLinear): AsyncGenerator<Rows> {
  const [rows, columns] = ref.shape;
  const step = Math.max(1, Math.floor(CHUNK_VALUES / columns));
  for (let start = 0; start < rows; start += step) {
    yield unsigned((await ref.unpack!({ start, end: Math.min(rows, start + step) })) as GroupedValues);
  }
}

function unsigned({ packing, rows, columns, codes, scales, zeros, order }: GroupedValues): Rows {
  const half = 2 ** (packing.bits - 1);
  const out = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const to = order ? i - (i % columns) + order[i % columns] : i;
    out[to] = packing.zero === 'symmetric' ? (codes[i] + half) & (2 * half - 1) : codes[i];
  }
  return {
    rows,
    codes: out,
    scales,
    zeros: zeros ?? new Float64Array(scales.length).fill(half),
    ...(order && { order }),
  };
}

/** Where code `i` goes in a run of words `stride` apart. */
function put(words: Int32Array, first: number, stride: number, i: number, bits: number, code: number): void {
  const at = i * bits;
  const word = first + (at >>> 5) * stride;
  const shift = at & 31;
  words[word] |= code << shift;
  if (shift + bits > 32) words[word + stride] |= code >>> (32 - shift);
}

const wordsFor = (count: number, bits: number) => Math.ceil((count * bits) / 32);
const bytesOf = (values: Int32Array | BigInt64Array) => new Uint8Array(values.buffer);

/** The group of each input, (columns) int32. */
async function groupIndices({ ref, packing }: PackedLinear): Promise<Uint8Array> {
  const [, columns] = ref.shape;
  const size = groupSize(packing, columns);
  const order = ((await ref.unpack!({ start: 0, end: 1 })) as GroupedValues).order;
  const of = new Int32Array(columns);
  for (let j = 0; j < columns; j++) of[order ? order[j] : j] = Math.floor(j / size);
  return bytesOf(of);
}

function compressedTensors(linear: PackedLinear): TensorToWrite[] {
  const { ref, packing, name } = linear;
  const [rows, columns] = ref.shape;
  const { bits } = packing;
  const width = wordsFor(columns, bits);
  const groups = groupsOf(packing, columns);
  async function* codes() {
    for await (const part of rowsOf(linear)) {
      const words = new Int32Array(part.rows * width);
      for (let i = 0; i < part.codes.length; i++) {
        put(words, Math.floor(i / columns) * width, 1, i % columns, bits, part.codes[i]);
      }
      yield bytesOf(words);
    }
  }
  async function* scales() {
    for await (const part of rowsOf(linear)) yield encodeFromFloat(part.scales, packing.scale);
  }
  async function* zeros() {
    const words = new Int32Array(wordsFor(rows, bits) * groups);
    let start = 0;
    for await (const part of rowsOf(linear)) {
      for (let i = 0; i < part.zeros.length; i++) {
        put(words, i % groups, groups, start + Math.floor(i / groups), bits, part.zeros[i]);
      }
      start += part.rows;
    }
    yield bytesOf(words);
  }
  const stem = moduleOf(name);
  const shape = () => [bytesOf(new BigInt64Array([BigInt(rows), BigInt(columns)]))];
  return [
    { name: `${stem}.weight_packed`, dtype: 'I32', shape: [rows, width], chunks: codes },
    { name: `${stem}.weight_scale`, dtype: packing.scale, shape: [rows, groups], chunks: scales },
    { name: `${stem}.weight_shape`, dtype: 'I64', shape: [2], chunks: shape },
    ...(packing.zero === 'integer'
      ? [{ name: `${stem}.weight_zero_point`, dtype: 'I32', shape: [wordsFor(rows, bits), groups], chunks: zeros }]
      : []),
  ];
}

function indices(name: string, linear: PackedLinear): TensorToWrite {
  async function* chunks() {
    yield await groupIndices(linear);
  }
  return { name, dtype: 'I32', shape: [linear.ref.shape[1]], chunks };
}

function gptqTensors(linear: PackedLinear, isVersion2: boolean): TensorToWrite[] {
  const { ref, packing, name } = linear;
  const [rows, columns] = ref.shape;
  const { bits } = packing;
  const groups = groupsOf(packing, columns);
  const width = wordsFor(rows, bits);
  // All of them lie along the outputs: each is made whole.
  async function* codes() {
    const words = new Int32Array(wordsFor(columns, bits) * rows);
    let start = 0;
    for await (const part of rowsOf(linear)) {
      for (let i = 0; i < part.codes.length; i++) {
        put(words, start + Math.floor(i / columns), rows, i % columns, bits, part.codes[i]);
      }
      start += part.rows;
    }
    yield bytesOf(words);
  }
  async function* zeros() {
    const words = new Int32Array(groups * width);
    let start = 0;
    for await (const part of rowsOf(linear)) {
      for (let i = 0; i < part.zeros.length; i++) {
        const zero = part.zeros[i] - (isVersion2 ? 0 : 1);
        put(words, (i % groups) * width, 1, start + Math.floor(i / groups), bits, zero);
      }
      start += part.rows;
    }
    yield bytesOf(words);
  }
  async function* scales() {
    const turned = new Float64Array(groups * rows);
    let start = 0;
    for await (const part of rowsOf(linear)) {
      for (let i = 0; i < part.scales.length; i++) {
        turned[(i % groups) * rows + start + Math.floor(i / groups)] = part.scales[i];
      }
      start += part.rows;
    }
    yield encodeFromFloat(turned, 'F16');
  }
  const stem = moduleOf(name);
  return [
    { name: `${stem}.qweight`, dtype: 'I32', shape: [wordsFor(columns, bits), rows], chunks: codes },
    { name: `${stem}.qzeros`, dtype: 'I32', shape: [groups, width], chunks: zeros },
    { name: `${stem}.scales`, dtype: 'F16', shape: [groups, rows], chunks: scales },
    indices(`${stem}.g_idx`, linear),
  ];
}
