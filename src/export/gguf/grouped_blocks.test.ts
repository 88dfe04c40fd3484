/** Grouped integers as blocks: the very numbers, for every packing that has a type; the others are told apart beforehand. */
import { describe, expect, it } from 'vitest';
import { nearestValues } from '../../compress/solvers/packed_values.ts';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import { storePacked } from '../../models/packed/store.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { asBlocks, encodeGrouped, groupedBlock, groupedNotes, hasRoundedScales } from './grouped_blocks.ts';

const ROWS = 5;

/** Codes, zero points and scales over the whole of their ranges. */
function values(packing: Grouped, columns: number, seed = 1): GroupedValues {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const size = packing.group === 'row' ? columns : packing.group;
  const groups = ROWS * Math.ceil(columns / size);
  const most = 2 ** packing.bits;
  const half = (count: number) => Float64Array.from({ length: count }, () => (next(2047) - 1023) / 2 ** 14);
  const codes = Uint8Array.from({ length: ROWS * columns }, () =>
    packing.zero === 'symmetric' ? next(most) - most / 2 : next(most),
  );
  const scales = half(groups).map((scale) => Math.abs(scale) + 2 ** -14);
  if (packing.zero === 'symmetric') return { packing, rows: ROWS, columns, codes, scales };
  const zeros = packing.zero === 'minimum' ? half(groups) : Float64Array.from({ length: groups }, () => next(most));
  return { packing, rows: ROWS, columns, codes, scales, zeros };
}

const grouped = (bits: Grouped['bits'], zero: Grouped['zero'], more: Partial<Grouped> = {}): Grouped => ({
  ...{ kind: 'grouped', bits, group: 32, zero, scale: 'F16' },
  ...more,
});

const HELD: [Grouped, string][] = [
  [grouped(2, 'symmetric'), 'Q4_0'],
  [grouped(3, 'symmetric', { group: 64 }), 'Q4_0'],
  [grouped(4, 'symmetric', { group: 128 }), 'Q4_0'],
  [grouped(8, 'symmetric', { group: 'row' }), 'Q8_0'],
  [grouped(2, 'integer'), 'Q4_0'],
  [grouped(3, 'integer', { group: 'row' }), 'Q4_0'],
  [grouped(4, 'integer'), 'Q5_0'],
  [grouped(2, 'minimum'), 'Q4_1'],
  [grouped(3, 'minimum', { group: 96 }), 'Q4_1'],
  [grouped(4, 'minimum'), 'Q4_1'],
];

describe('grouped integers as blocks', () => {
  it.each(HELD)('are the same numbers: %o', async (packing, type) => {
    for (const columns of [32, 160, 256]) {
      expect(groupedBlock(packing, columns)).toBe(type);
      const of = values(packing, columns, columns);
      const blocks = encodeGrouped(of, type as 'Q4_0', 'w');
      expect(blocks.byteLength).toBe(ROWS * columns * bytesPerElement(type as 'Q4_0'));
      expect(decodeStored(blocks, type as 'Q4_0')).toEqual(dense(of));
    }
  });

  it('are read row by row', async () => {
    const W = Float64Array.from({ length: ROWS * 64 }, (_, i) => Math.sin(i * i));
    const packing = grouped(4, 'integer');
    const ref = await storePacked(memoryScratch(), 'w', nearestValues(W, ROWS, 64, packing));
    const blocks = asBlocks(ref, 'Q5_0');
    const rows = { start: 1, end: 4 };
    expect(blocks.packed).toBeUndefined();
    expect(decodeStored(await blocks.read(rows), 'Q5_0')).toEqual(decodeStored(await ref.read(rows), 'F32'));
  });

  it.each([
    [grouped(8, 'integer'), 64, /8 bits with zero points/],
    [grouped(8, 'minimum'), 64, /8 bits with minimums/],
    [grouped(4, 'integer', { group: 16 }), 64, /groups of 16/],
    [grouped(4, 'symmetric', { group: 48 }), 96, /groups of 48/],
    [grouped(4, 'symmetric'), 40, /rows of 40/],
    [grouped(4, 'integer', { ordered: true }), 64, /order of inputs/],
  ])('without a type are told: %o', (packing, columns, why) => {
    expect(groupedBlock(packing, columns)).toBeUndefined();
    const outline: WeightOutline = { name: 'w', shape: [ROWS, columns], dtype: 'F32', packed: packing };
    const notes = groupedNotes([outline, outline]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(why);
    expect(notes[0]).toContain('written as floats');
  });

  it('whose scales are float32 are rounded, which is said', () => {
    const packing = grouped(8, 'symmetric', { group: 'row', scale: 'F32' });
    const outline: WeightOutline = { name: 'w', shape: [ROWS, 64], dtype: 'F32', packed: packing };
    expect(hasRoundedScales(outline)).toBe(true);
    expect(groupedNotes([outline])).toEqual([expect.stringContaining('measured anew')]);
    const of = values(packing, 64);
    const back = decodeStored(encodeGrouped({ ...of, scales: of.scales.map((s) => s / 3) }, 'Q8_0', 'w'), 'Q8_0');
    dense({ ...of, scales: of.scales.map((s) => s / 3) }).forEach((value, i) => {
      expect(Math.abs(back[i] - value)).toBeLessThanOrEqual(Math.abs(value) / 2048);
    });
  });

  it('say what takes more bits than it had', () => {
    const of = (packing: Grouped): WeightOutline => ({ name: 'w', shape: [ROWS, 64], dtype: 'F32', packed: packing });
    expect(groupedNotes([of(grouped(4, 'minimum')), of(grouped(4, 'symmetric'))])).toEqual([]);
    expect(groupedNotes([of(grouped(4, 'integer'))])[0]).toContain('5.5 bits');
    expect(groupedNotes([of(grouped(2, 'integer'))])[0]).toMatch(/2 bits with zero points take 4.5 bits/);
  });

  it('with a scale beyond float16 stop the export, and the tensor is named', () => {
    const of = values(grouped(8, 'symmetric', { scale: 'F32' }), 32);
    expect(() => encodeGrouped({ ...of, scales: of.scales.fill(1e6) }, 'Q8_0', 'model.w')).toThrow(
      expect.objectContaining({ code: 'limit_exceeded', place: { tensor: 'model.w' } }),
    );
  });
});
