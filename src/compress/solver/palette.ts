/**
 * @file What the solver chooses from: the ways in which a format stores a matrix, how a matrix is rounded in each, and the
 * recipe that makes a choice whole. One object a kind of format; everything else of the solver is common.
 */
import type { WeightOutline } from '../../models/decoder_model.ts';
import type { Packing } from '../../models/packed/packing.ts';
import type { PackedValues } from '../../models/packed/values.ts';
import type { Statistic, TapStatistics } from '../../statistics/statistics.ts';
import type { ChangeContext, LinearInput, LinearName } from '../layerwise_types.ts';

/** The way that was chosen for a linear. */
export type Chosen = readonly [layer: number, name: LinearName, way: string];

export interface Palette {
  /** Ways by name, as {@link recipes} writes them. */
  readonly linears: readonly string[];
  readonly tables: readonly string[];
  /** What rounding a linear needs to know of its inputs. */
  readonly statistics: readonly Statistic[];
  /** Linears that read the same inputs are stored as one matrix, in one way. */
  readonly is_fused?: boolean;
  /** Undefined where the way does not fit the matrix: a matrix that none fits stays as it is. */
  packing(way: string, source: WeightOutline): Packing | undefined;
  round(
    linear: LinearInput,
    packing: Packing,
    statistics: TapStatistics,
    context: ChangeContext,
  ): PackedValues | Promise<PackedValues>;
  roundTable(
    values: Float64Array,
    rows: number,
    columns: number,
    packing: Packing,
    breathe: () => Promise<void>,
  ): PackedValues | Promise<PackedValues>;
  /** Several that make the same bytes; the others must be clearly better than the first. @param table Undefined: as it is. */
  recipes(table: string | undefined, linears: readonly Chosen[]): readonly string[];
}

export function mostFrequent(chosen: readonly Chosen[]): string {
  const counts = new Map<string, number>();
  for (const [, , way] of chosen) counts.set(way, (counts.get(way) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0][0];
}
