/** @file Grouped integers as MatMulNBits stores them: 3 bits in 4, groups cut into blocks of a power of two, symmetric codes made unsigned. */
import type { RowRange } from '../../formats/checkpoint.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { type Grouped, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues, PackedValues } from '../../models/packed/values.ts';
import { type Bits, blocksOf } from '../quantize/blocks.ts';
import { packCodes, packZeroPoints } from '../quantize/pack.ts';
import type { PackedMatrix } from '../quantize/packed_matrix.ts';

/** Values unpacked at a time. */
const CHUNK_VALUES = 2 ** 20;

/** What both web builds of ONNX Runtime take. */
const BLOCK_SIZES = [256, 128, 64, 32, 16];

/** The largest block that a group is a whole number of; undefined where MatMulNBits has none. A row may end in a block. */
export function blockSizeOf(packing: Grouped, columns: number): number | undefined {
  const size = groupSize(packing, columns);
  if (packing.group === 'row' || size >= columns) return BLOCK_SIZES.find((each) => each <= columns) ?? 16;
  return BLOCK_SIZES.find((each) => size % each === 0);
}

export class GroupedMatrix implements PackedMatrix {
  readonly bits: Bits;
  readonly has_zero_points: boolean;

  /**
   * @param part Takes the integers out of what the weight unpacks to.
   * @param columns Of the integers: fewer than the weight's where some are kept aside.
   */
  constructor(
    private readonly weight: WeightRef,
    private readonly packing: Grouped,
    readonly rows: number,
    readonly columns: number,
    readonly block_size: number,
    private readonly part: (values: PackedValues) => GroupedValues,
  ) {
    this.bits = packing.bits === 3 ? 4 : packing.bits;
    this.has_zero_points = packing.zero !== 'symmetric';
  }

  async *codes(): AsyncIterable<Uint8Array> {
    for await (const rows of this.chunks()) yield packCodes(this.blocks(rows));
  }

  async *scales(): AsyncIterable<Uint8Array> {
    const { packing, columns } = this;
    const groups = groupsOf(packing, columns);
    for await (const { rows, scales } of this.chunks()) {
      const values = new Float32Array(rows * blocksOf(columns, this.block_size));
      this.eachBlock(rows, (row, group, at) => {
        values[at] = scales[row * groups + group];
      });
      yield new Uint8Array(values.buffer);
    }
  }

  async *zeroPoints(): AsyncIterable<Uint8Array> {
    for await (const rows of this.chunks()) yield packZeroPoints(this.blocks(rows));
  }

  private async *chunks(): AsyncIterable<GroupedValues> {
    const step = Math.max(1, Math.floor(CHUNK_VALUES / Math.max(1, this.columns)));
    for (let start = 0; start < this.rows; start += step) {
      const range: RowRange = { start, end: Math.min(this.rows, start + step) };
      const values = await this.weight.unpack?.(range);
      if (values) yield this.part(values);
    }
  }

  /** Codes padded to whole blocks with their zero point, which is what a value of 0 is. */
  private blocks({ rows, codes, zeros }: GroupedValues) {
    const { bits, columns, block_size, packing } = this;
    const blocks = blocksOf(columns, block_size);
    const half = 2 ** (packing.bits - 1);
    const groups = groupsOf(packing, columns);
    const padded = new Uint8Array(rows * blocks * block_size);
    const zero_points = new Uint8Array(rows * blocks);
    this.eachBlock(rows, (row, group, at, block) => {
      // A minimum's codes stand for scale · code: their zero is 0, and the minimum is added elsewhere.
      const zero = { symmetric: half, integer: zeros?.[row * groups + group] ?? 0, minimum: 0 }[packing.zero];
      zero_points[at] = zero;
      for (let i = 0; i < block_size; i++) {
        const column = block * block_size + i;
        const code = column < columns ? codes[row * columns + column] : zero;
        // Two's complement → unsigned: the top bit is turned.
        padded[at * block_size + i] =
          column < columns && packing.zero === 'symmetric' ? (code ^ half) & (2 * half - 1) : code;
      }
    });
    const scales = new Uint16Array(0);
    return { bits, rows, columns, block_size, codes: padded, scales, zero_points };
  }

  private eachBlock(rows: number, visit: (row: number, group: number, at: number, block: number) => void): void {
    const { columns, block_size, packing } = this;
    const blocks = blocksOf(columns, block_size);
    const size = groupSize(packing, columns);
    for (let row = 0; row < rows; row++) {
      for (let block = 0; block < blocks; block++) {
        visit(row, Math.floor((block * block_size) / size), row * blocks + block, block);
      }
    }
  }
}
