/** @file Grouped integers as the solver chooses among them, made whole by `correct` and `gptq`. */
import { type Grouped, groupSize } from '../../models/packed/packing.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { integerPacking } from '../options/integers.ts';
import { formatMix, type MixEntry } from '../options/mix.ts';
import { gptq } from '../solvers/gptq.ts';
import { gridOf, groupedValues, nearestValues } from '../solvers/packed_values.ts';
import { type Chosen, mostFrequent, type Palette } from './palette.ts';

const GRID = 'source';

/** How a mix is made whole. */
const WAYS = [
  { ridge: 1, order: 'natural' },
  { ridge: 0.3, order: 'natural' },
  { ridge: 0.3, order: 'static' },
  { ridge: 1, order: 'static' },
] as const;

export function integerPalette(linears: readonly MixEntry[], tables: readonly MixEntry[]): Palette {
  const entries = new Map([...linears, ...tables].map((entry) => [nameOf(entry), entry]));
  const entryOf = (way: string) => entries.get(way) as MixEntry;
  return {
    linears: linears.map(nameOf),
    tables: tables.map(nameOf),
    statistics: ['gram'],
    packing: (way, source) => integerPacking({ ...entryOf(way), grid: GRID }, source),
    async round(linear, packing, { gram }, { linalg }) {
      const { W, rows, columns } = linear;
      const integers = packing as Grouped;
      const own = await sourceIntegers(linear, integers);
      if (own) return own;
      if (integers.zero === 'symmetric') return nearestValues(W, rows, columns, integers);
      const settings = { grid: gridOf(integers), group: groupSize(integers, columns) };
      return groupedValues(await gptq(W, rows, columns, gram as Float64Array, settings, linalg), integers);
    },
    roundTable: (values, rows, columns, packing) => nearestValues(values, rows, columns, packing as Grouped),
    recipes: (table, chosen) => {
      const embed = table === undefined ? '' : `embed:${optionsOf(entryOf(table))}; `;
      return WAYS.map(({ ridge, order }) => {
        const gptq = `gptq:${mixOf(chosen, entryOf)}${order === 'natural' ? '' : `,order=${order}`}`;
        return `${embed}correct:ridge=${ridge}; ${gptq}`;
      });
    },
  };
}

function nameOf({ bits, group }: MixEntry): string {
  return `${bits}/${group}`;
}

function optionsOf({ bits, group }: MixEntry): string {
  return `bits=${bits},group=${group}`;
}

/** The most frequent choice as the step's own, the rest as a mix. */
function mixOf(chosen: readonly Chosen[], entryOf: (way: string) => MixEntry): string {
  const common = mostFrequent(chosen);
  const others = chosen.filter(([, , way]) => way !== common);
  const mix = formatMix(others.map(([layer, name, way]) => [layer, name, entryOf(way)] as const));
  return `${optionsOf(entryOf(common))}${mix === '' ? '' : `,mix=${mix}`}`;
}
