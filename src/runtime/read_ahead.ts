/** @file Stored bytes of weights that were asked for before their use: reading goes on while the device computes. */
import type { RowRange } from '../formats/checkpoint.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { READ_AHEAD_BYTES } from './budgets.ts';

type Reading = Promise<Uint8Array>;

export class ReadAhead {
  private readonly wholes = new Map<WeightRef, Reading>();
  private bytes = 0;
  /** The last rows that were asked for of each weight. */
  private readonly ranges = new Map<WeightRef, RowRange & { reading: Reading }>();

  has(ref: WeightRef): boolean {
    return this.wholes.has(ref);
  }

  /** Starts to read a weight where {@link READ_AHEAD_BYTES} has room for it. */
  whole(ref: WeightRef): void {
    const bytes = storedBytes(ref);
    if (this.bytes + bytes > READ_AHEAD_BYTES) return;
    this.bytes += bytes;
    this.wholes.set(ref, quietly(ref.read()));
  }

  /** Starts to read rows for `takeRows` of the same. @param source What is read in place of the weight. */
  rows(ref: WeightRef, { start, end }: RowRange, source = ref): void {
    this.ranges.set(ref, { start, end, reading: quietly(source.read({ start, end })) });
  }

  take(ref: WeightRef): Reading {
    const reading = this.wholes.get(ref);
    if (!reading) return ref.read();
    this.wholes.delete(ref);
    this.bytes -= storedBytes(ref);
    return reading;
  }

  takeRows(ref: WeightRef, rows: RowRange, source = ref): Reading {
    const found = this.ranges.get(ref);
    this.ranges.delete(ref);
    return found?.start === rows.start && found.end === rows.end ? found.reading : source.read(rows);
  }
}

const storedBytes = ({ shape, dtype }: WeightRef) => elementCount(shape) * bytesPerElement(dtype);

/** Told to whoever awaits it; a pass that was cancelled never does. */
function quietly(reading: Reading): Reading {
  reading.catch(() => {});
  return reading;
}
