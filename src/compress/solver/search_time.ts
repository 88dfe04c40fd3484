/**
 * @file How long the search for a size will take on this device, from a small part of it that is really done: the first layer
 * walked with one window and with more, its matrices rounded and made whole once, some rows of the tables, and one divergence.
 */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { layerLinears, linearOf } from '../layerwise/half.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { linearAlternatives, tableAlternatives } from './alternatives.ts';
import { DenseStates } from './measure.ts';
import { made, PATIENCE_S, POWERS, type SolveRequest } from './solve.ts';

/** Multiply-adds of rounding one layer; beyond, trying is itself a long job. */
const MOST_WORK = 2e10;
/** Rows of a table that are tried. */
const TABLE_ROWS = 512;
/** How often something is tried at most, and for how many seconds. */
const MOST_RUNS = 4;
const QUICK_S = 0.5;

/** What is tried, in seconds, all of one layer. */
export interface SearchTrial {
  /** Text through the layer, its sums taken; each window of it. */
  readonly walk: Line;
  /** Its linears in every way. */
  readonly rounding: number;
  /** The tables in every way, of the whole model. */
  readonly tables: number;
  /** The held-back windows through the layer. */
  readonly layer: number;
  /** Their divergence, behind the layer. */
  readonly divergence: number;
  /** Correcting and rounding it in one way; each window of it. */
  readonly making: Line;
}

/** Seconds without a window, and for each. */
export interface Line {
  readonly base: number;
  readonly window: number;
}

export interface SearchCounts {
  readonly layers: number;
  /** A layer's linears, and ways to store each. */
  readonly linears: number;
  readonly ways: number;
  /** Ways to store the tables. */
  readonly table_ways: number;
  /** Ways to make a choice whole. */
  readonly recipes: number;
  /** Windows that fit, and all of the calibration text. */
  readonly fit: number;
  readonly all: number;
  /** Seconds; see {@link SolveRequest}. */
  readonly patience: number;
}

/** Seconds of each part of a search, and of making its best recipe. */
export function searchParts(trial: SearchTrial, counts: SearchCounts) {
  const { walk, rounding, tables, layer, divergence, making } = trial;
  const { layers, linears, ways, table_ways, recipes, fit, all, patience } = counts;
  const at = ({ base, window }: Line, windows: number) => base + window * windows;
  const whole = divergence + layer * (layers - 1);
  // From the layer of the matrix on: half of them, in the middle.
  const each = divergence + (layer * (layers - 1)) / 2;
  const sites = layers * linears;
  const alone = Math.min(sites * ways * each, Math.max(patience, sites * each));
  const making_tables = table_ways > 0 ? tables / table_ways : 0;
  const candidates = POWERS.length + recipes - 1;
  return {
    rounding: layers * (at(walk, fit) + rounding) + tables,
    measuring: layer * layers + alone + table_ways * whole,
    candidates: candidates * (making_tables + layers * at(making, fit) + whole),
    // The best is made once more, with all windows.
    making: making_tables + layers * at(making, all),
  };
}

type Tried = Pick<SolveRequest, 'palette' | 'held' | 'patience' | 'createScratch'>;

/** Seconds of the search and of making its best recipe; null where a layer is too large to try. Throws `cancelled`. */
export async function searchSeconds(model: DecoderModel, request: Tried, context: PassContext): Promise<number | null> {
  const parts = await triedParts(model, request, context);
  return parts && Object.values(parts).reduce((sum, part) => sum + part, 0);
}

/** The same in parts. */
export async function triedParts(model: DecoderModel, request: Tried, context: PassContext) {
  if (roundingWork(model) > MOST_WORK) return null;
  const { palette, held, patience = PATIENCE_S } = request;
  const names = layerLinears(model.layers[0]);
  const fit = context.calibration.count;
  return searchParts(await trial(model, request, context), {
    ...{ layers: model.layers.length, linears: names.length, ways: palette.linears.length, fit, patience },
    ...{ table_ways: palette.tables.length, all: fit + held.count },
    recipes: palette.recipes(undefined, [[0, names[0], palette.linears[0]]]).length,
  });
}

async function trial(
  model: DecoderModel,
  { palette, held, createScratch }: Tried,
  context: PassContext,
): Promise<SearchTrial> {
  const [first] = model.layers;
  const one: DecoderModel = { ...model, layers: [first] };
  const most = Math.min(3, context.calibration.count);
  const of = (count: number): PassContext => ({
    ...{ ...context, observer: { onProgress() {} }, dense: one },
    calibration: startOf(context.calibration, count),
  });
  const line = async (work: (context: PassContext) => Promise<unknown>): Promise<Line> => {
    const single = await warm(() => work(of(1)));
    const window = most > 1 ? Math.max(0, ((await warm(() => work(of(most)))) - single) / (most - 1)) : single;
    return { base: Math.max(0, single - window), window };
  };
  const walk = await line((given) => layerwise(walker(palette.statistics), one, undefined, given));
  const all = await warm(() => linearAlternatives(one, palette, of(1)));
  const way = palette.linears[Math.floor(palette.linears.length / 2)];
  const [recipe] = palette.recipes(
    undefined,
    layerLinears(first).map((name) => [0, name, way]),
  );
  const making = await line(async (given) => {
    const scratch = await createScratch();
    await made(one, recipe, { ...given, scratch }).finally(() => scratch.clear());
  });
  const states = await DenseStates.of(context.backend, one, held, context.signal);
  try {
    return {
      ...{ walk, making, rounding: Math.max(0, all - walk.base - walk.window) },
      tables: await tableSeconds(one, palette, context),
      layer: await warm(async () => (await DenseStates.of(context.backend, one, held, context.signal)).clear()),
      divergence: await warm(() => states.ofLayer(first, context.signal)),
    };
  } finally {
    await states.clear();
  }
}

/** From some rows of each table. */
async function tableSeconds(model: DecoderModel, palette: SolveRequest['palette'], context: PassContext) {
  const tables = [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
  const most = Math.max(...tables.map(({ shape }) => shape[0]));
  const start = new Map(tables.map((table) => [table, startRows(table)]));
  const part = mapWeights(model, (weight) => start.get(weight) ?? weight);
  const tried = await warm(() => tableAlternatives(part, palette, context));
  return tried * Math.max(1, most / TABLE_ROWS);
}

function startRows({ name, shape, dtype, read }: WeightRef): WeightRef {
  const rows = Math.min(shape[0], TABLE_ROWS);
  return { name, dtype, shape: [rows, shape[1]], read: (range = { start: 0, end: rows }) => read(range) };
}

/** What rounding reads, and nothing changed. */
function walker(statistics: SolveRequest['palette']['statistics']): LinearMethod<undefined> {
  return { statistics: () => statistics, change: () => undefined };
}

/** Rows of errors carried on, and the factor of each Gram. */
function roundingWork(model: DecoderModel): number {
  const [first] = model.layers;
  return layerLinears(first).reduce((sum, name) => {
    const [rows, columns] = linearOf(first, name).weight.shape;
    return sum + (rows + columns) * columns ** 2;
  }, 0);
}

function startOf(windows: TokenWindows, count: number): TokenWindows {
  const kept = Math.min(count, windows.count);
  return { ...windows, count: kept, ids: windows.ids.subarray(0, kept * windows.seqlen) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** The least of several, as long as they are quick: the first compiles, and reads what is then cached; any may be disturbed. */
async function warm(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let run = 0; run < MOST_RUNS && spent < QUICK_S; run++) {
    const found = await seconds(work);
    least = Math.min(least, found);
    spent += found;
  }
  return least;
}
