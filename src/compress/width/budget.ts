/** @file One budget for all layers: units go where they are worth least, by scores that are comparable (FLAP's AL-MM). */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type HalfName, halfOf, outputLinear } from '../layerwise/half.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearInput, LinearMethod } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { columnScores, obsCosts, type Units } from '../solvers/unit_scores.ts';
import { goneUnits } from './shapes.ts';
import { inputSums, type Options, statisticsOf, unitsOf } from './units.ts';

/** Units that go in each layer, by half; those that are not pruned are missing. */
export type Budgets = ReadonlyMap<HalfName, readonly number[]>;

/** Runs the text through the model as it is, once. */
export async function globalBudgets(
  model: DecoderModel,
  options: Options,
  halves: readonly HalfName[],
  context: PassContext,
): Promise<Budgets> {
  const scores = new Map<HalfName, Float64Array[]>(halves.map((half) => [half, []]));
  const scoring: LinearMethod<Options> = {
    statistics: () => statisticsOf({ ...options, compensate: false, bias: false }),
    touches: (name) => halves.some((half) => name === outputLinear(half)),
    async change(linear, statistics, _options, { linalg }) {
      const half = halfOf(linear.use.name);
      const own = scores.get(half);
      if (!own) return undefined;
      const units = unitsOf(linear);
      if (options.score === 'obs')
        own.push(standardised(await obsCosts(units, statistics.gram as Float64Array, linalg)));
      else {
        const columns = columnScores(options.score, units, inputSums(statistics), isSquared(linear));
        own.push(unitMeans(standardised(columns), units));
      }
      return undefined;
    },
  };
  await layerwise(scoring, model, options, { ...context, before: [], after: [], checkpoints: undefined });
  return new Map([...scores].map(([half, rows]) => [half, spread(rows, options.keep)]));
}

export function isSquared({ use }: LinearInput): boolean {
  return use.name === 'o_proj';
}

/** (x − mean) / standard deviation, n − 1 in its divisor; zeros where all are equal. */
export function standardised(values: Float64Array): Float64Array {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = n > 1 ? Math.sqrt(squares / (n - 1)) : 0;
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

export function unitMeans(columns: Float64Array, { width }: Pick<Units, 'width'>): Float64Array {
  return Float64Array.from({ length: columns.length / width }, (_, unit) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += columns[unit * width + i];
    return sum / width;
  });
}

/** Units that go in each layer: as many in all as the same share of every layer would be; a layer keeps one at least. */
export function spread(rows: readonly Float64Array[], keep: number): number[] {
  let left = rows.reduce((sum, row) => sum + goneUnits(keep, row.length), 0);
  const all = rows.flatMap((row, layer) => Array.from(row, (score, unit) => ({ score, layer, unit })));
  all.sort((a, b) => a.score - b.score || a.layer - b.layer || a.unit - b.unit);
  const gone = rows.map(() => 0);
  for (const { layer } of all) {
    if (left === 0) break;
    if (gone[layer] === rows[layer].length - 1) continue;
    gone[layer]++;
    left--;
  }
  return gone;
}
