/** @file Damage as a map of layers against sites or linears: what the plan discards, or what each step of a run lost. Pure. */
import type { SiteReport, StepReport } from '../../engine/protocol.ts';
import { strengthOf } from '../../report/draw_map.ts';
import { labelOf } from './front.ts';
import type { SiteEnergy } from './plan.ts';
import type { Results } from './results.ts';

export interface HeatCell {
  layer: number;
  row: string;
  /** Share: of variance, or of what a linear gave. */
  value: number;
  /** What the cell is, for people: "layer 3 MLP input", "3 down_proj". */
  label: string;
}

export interface HeatMap {
  /** What the values are: "share of variance discarded". */
  meaning: string;
  layers: number;
  /** Names from the top down. */
  rows: readonly string[];
  cells: readonly HeatCell[];
  /** Units that belong to no layer. */
  beside: readonly { label: string; value: number }[];
}

const ATTENTION = 'attention input';
const MLP = 'MLP input';
const LAYER = 'layer input';
const HEAD = 'head input';

/** Each site where it is read: the output of one layer is the input of the next. */
export function energyMap(
  energies: readonly SiteEnergy[],
  sites: readonly Pick<SiteReport, 'site' | 'label'>[],
): HeatMap {
  const isParallel = !sites.some(({ label }) => label.endsWith(MLP));
  const last = Math.max(...energies.map(({ site }) => site));
  const placed = energies.map(({ site, label, discarded }) => {
    const layer = isParallel ? site : Math.floor(site / 2);
    const row = isParallel ? LAYER : site % 2 === 1 ? MLP : ATTENTION;
    return { site, cell: { layer, row, value: discarded, label } };
  });
  const inner = placed.filter(({ site }) => site < last).map(({ cell }) => cell);
  const end = placed
    .filter(({ site }) => site === last)
    .map(({ cell }) => ({ label: `${HEAD} (${cell.label})`, value: cell.value }));
  return {
    meaning: 'share of variance discarded',
    layers: Math.max(0, ...inner.map(({ layer }) => layer + 1)),
    rows: isParallel ? [LAYER] : [ATTENTION, MLP],
    cells: inner,
    beside: end,
  };
}

/** Null for a step that changed nothing unit by unit. */
export function stepMap({ method, units }: Pick<StepReport, 'method' | 'units'>): HeatMap | null {
  if (units.length === 0) return null;
  const inner = units.flatMap(({ unit, layer, error }) => {
    if (layer === undefined) return [];
    const row = unit.split('.').at(-1) ?? unit;
    return { layer, row: /^\d+$/.test(row) ? 'layer' : row, value: error, label: `${layer} ${row}` };
  });
  const beside = units.flatMap(({ unit, layer, error }) => (layer === undefined ? { label: unit, value: error } : []));
  return {
    meaning: `share of a linear’s output lost to ${method}`,
    layers: Math.max(0, ...inner.map(({ layer }) => layer + 1)),
    rows: [...new Set(inner.map(({ row }) => row))],
    cells: inner,
    beside,
  };
}

export interface HeatSource {
  /** `plan`, or RUN/STEP. */
  key: string;
  label: string;
  map: HeatMap;
}

/** Every step of every run that told its units; the newest run last. */
export function stepSources({ runs }: Pick<Results, 'runs'>): HeatSource[] {
  return runs.flatMap((run) =>
    run.report.steps.flatMap((step, at) => {
      const map = stepMap(step);
      return map ? { key: `${run.id}/${at}`, label: `${step.method} of ${labelOf(run)}`, map } : [];
    }),
  );
}

/** The ends of a map's colours: its least and most, and how strong a colour the least has. Null where nothing is lost. */
export function heatEnds(map: Pick<HeatMap, 'cells'>): { least: number; most: number; from: number } | null {
  const values = map.cells.map(({ value }) => value);
  const some = values.filter((value) => value > 0 && Number.isFinite(value));
  if (some.length === 0) return null;
  const [least, most] = [Math.min(...some), Math.max(...some)];
  return { least, most, from: strengthOf(values)(least) };
}

/** Where values of a map lie between its least and most: 0 … 1. */
export { strengthOf as heatScale };
