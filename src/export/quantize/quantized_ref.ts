/**
 * @file A weight as an export quantises it: a {@link WeightRef} that reads the dequantised values, so that Whittle's own
 * runtime computes with exactly the numbers of the file, and the packed bytes for the file.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { asFloatType, transposedRef } from '../../models/weight_views.ts';
import { decodeToFloat32, f16ToNumber } from '../../tensor/half.ts';
import { type Bits, BLOCK_SIZE, dequantizeRows, type QuantizedRows, quantizeRows } from './blocks.ts';
import { packCodes, packZeroPoints } from './pack.ts';
import { type PackedMatrix, packedBytes } from './packed_matrix.ts';

/** Values quantised at a time. */
const CHUNK_VALUES = 2 ** 20;

export interface QuantizedRef extends WeightRef {
  /** What the file holds; for a shortcut (in, out) it is the transpose. */
  readonly quantized: PackedMatrix;
}

export function isQuantized(ref: WeightRef): ref is QuantizedRef {
  return 'quantized' in ref;
}

/** A matrix (out, in), or a table (vocabulary, d): blocks lie along each row. */
export function quantizedRows(ref: WeightRef, bits: Bits, block_size = BLOCK_SIZE): QuantizedRef {
  const [, columns] = ref.shape;
  const step = Math.max(1, Math.floor(CHUNK_VALUES / Math.max(1, columns)));
  const quantized = new QuantizedMatrix(asFloatType(ref, 'F32'), bits, step, block_size);
  return { ...described(ref, quantized), read: (rows) => quantized.values(rows), quantized };
}

/** A matrix (in, out) that computes x·M: blocks lie along its columns. It is read whole. */
export function quantizedColumns(ref: WeightRef, bits: Bits, block_size = BLOCK_SIZE): QuantizedRef {
  const turned = transposedRef(asFloatType(ref, 'F32'), ref.name);
  const quantized = new QuantizedMatrix(turned, bits, turned.shape[0], block_size);
  const back = transposedRef({ ...turned, read: () => quantized.values() }, ref.name);
  return { ...described(ref, quantized), read: back.read, quantized };
}

function described(ref: WeightRef, quantized: QuantizedMatrix): Omit<WeightRef, 'read'> {
  const stored = { dtype: `int${quantized.bits}`, bytes: packedBytes(quantized) };
  return { name: ref.name, shape: ref.shape, dtype: 'F32', stored };
}

/** A matrix (rows, columns) quantised while it is read: rows are outputs of MatMulNBits, or tokens of a table. */
export class QuantizedMatrix implements PackedMatrix {
  readonly rows: number;
  readonly columns: number;
  /** With 8 bits every block is symmetric: its zero point is the runtime's default. */
  readonly has_zero_points: boolean;
  /** Scales and zero points follow the codes in a file: what the codes' pass found is kept for them, then dropped. */
  private found?: { scales: Uint8Array[]; zero_points: Uint8Array[] };

  /** @param source F32 (rows, columns). @param step Rows to read at a time. */
  constructor(
    private readonly source: WeightRef,
    readonly bits: Bits,
    private readonly step: number,
    readonly block_size = BLOCK_SIZE,
  ) {
    [this.rows, this.columns] = source.shape;
    this.has_zero_points = bits < 8;
  }

  /** Dequantised F32 bytes of some rows. */
  async values(rows: RowRange = { start: 0, end: this.rows }): Promise<Uint8Array> {
    return bytesOf(dequantizeRows(await this.quantize(rows)));
  }

  /** uint8 (rows, blocks, blob). */
  async *codes(): AsyncIterable<Uint8Array> {
    const found = { scales: [] as Uint8Array[], zero_points: [] as Uint8Array[] };
    for (let start = 0; start < this.rows; start += this.step) {
      const part = await this.quantize({ start, end: Math.min(this.rows, start + this.step) });
      found.scales.push(bytesOf(Float32Array.from(part.scales, f16ToNumber)));
      if (this.has_zero_points) found.zero_points.push(packZeroPoints(part));
      yield packCodes(part);
    }
    this.found = found;
  }

  /** F32 (rows, blocks). */
  async *scales(): AsyncIterable<Uint8Array> {
    const { scales } = await this.sides();
    if (!this.has_zero_points) this.found = undefined;
    yield* scales;
  }

  /** uint8 (rows, ⌈blocks · bits/8⌉), to be written after the scales. */
  async *zeroPoints(): AsyncIterable<Uint8Array> {
    const { zero_points } = await this.sides();
    this.found = undefined;
    yield* zero_points;
  }

  private async sides(): Promise<{ scales: Uint8Array[]; zero_points: Uint8Array[] }> {
    if (!this.found) for await (const _ of this.codes());
    return this.found as NonNullable<typeof this.found>;
  }

  private async quantize({ start, end }: RowRange): Promise<QuantizedRows> {
    const values = decodeToFloat32(await this.source.read({ start, end }), 'F32');
    try {
      return quantizeRows(values, end - start, this.columns, this.bits, this.block_size);
    } catch (thrown) {
      if (!(thrown instanceof WhittleError)) throw thrown;
      throw new WhittleError({ ...thrown.toData(), place: { tensor: this.source.name } }, { cause: thrown });
    }
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
