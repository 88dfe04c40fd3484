/** @file Options of `width`, and what they ask of a linear whose inputs are the units: o_proj and down_proj. */
import type { Statistic, TapStatistics } from '../../statistics/statistics.ts';
import type { LinearInput } from '../layerwise_types.ts';
import type { InputSums, UnitScore, Units } from '../solvers/unit_scores.ts';

export interface Options {
  readonly keep: number;
  readonly score: UnitScore;
  readonly units: 'heads+channels' | 'channels';
  readonly budget: 'uniform' | 'global';
  readonly compensate: boolean;
  readonly bias: boolean;
}

export function statisticsOf({ score, compensate, bias }: Options): Statistic[] {
  return [
    ...(score === 'obs' || compensate ? (['gram'] as const) : []),
    'diagonal',
    ...(score === 'flap' || bias ? (['means'] as const) : []),
  ];
}

/** The linear's columns as units: all heads of a key-value group, or single channels. */
export function unitsOf({ W, rows, columns, use }: LinearInput): Units {
  return { W, rows, columns, width: use.name === 'o_proj' ? columns / use.kv_heads : 1 };
}

export function inputSums({ tokens, diagonal, sums, gram }: TapStatistics): InputSums {
  return { tokens, diagonal: diagonal as Float64Array, sums, gram };
}
