/**
 * @file How long the search for a size will take on this device, from a small part of it that is really done: the first layer
 * walked with one window and with two, its matrices rounded once, and one divergence measured.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { layerLinears, linearOf } from '../layerwise/half.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { linearAlternatives } from './alternatives.ts';
import { DenseStates } from './measure.ts';
import { PATIENCE_S, POWERS, type SolveRequest } from './solve.ts';

/** Multiply-adds of rounding one layer; beyond, trying is itself a long job. */
const MOST_WORK = 2e10;
/** Correcting runs the dense stream beside, sums the cross-Gram too, and solves for each matrix. */
const CORRECTED_WALK = 2.5;
const CORRECTED_ROUNDING = 2;

/** Seconds of the search and of making its best recipe; null where a layer is too large to try. Throws `cancelled`. */
export async function searchSeconds(
  model: DecoderModel,
  { palette, held, patience = PATIENCE_S }: Pick<SolveRequest, 'palette' | 'held' | 'patience'>,
  context: PassContext,
): Promise<number | null> {
  const [first] = model.layers;
  const names = layerLinears(first);
  if (roundingWork(model) > MOST_WORK) return null;
  const layers = model.layers.length;
  const one: DecoderModel = { ...model, layers: [first] };
  const quiet = { onProgress() {} };
  const of = (count: number): PassContext => ({
    ...context,
    observer: quiet,
    calibration: startOf(context.calibration, count),
  });
  const walk = (count: number) => seconds(() => layerwise(walker(palette.statistics), one, undefined, of(count)));
  // The first time compiles, and reads what is then cached.
  await walk(1);
  const single = await walk(1);
  const window = Math.max(0, (await walk(Math.min(3, context.calibration.count))) - single) / 2;
  const base = Math.max(0, single - window);
  const rounding = Math.max(0, (await seconds(() => linearAlternatives(one, palette, of(1)))) - single);
  const states = await DenseStates.of(context.backend, one, startOf(held, 1), context.signal);
  const divergence = await seconds(() => states.ofLayer(first, context.signal));

  const fit = context.calibration.count;
  const rounded = layers * (base + window * fit + rounding);
  const each = held.count * (divergence + (window * (layers - 1)) / 2);
  const sites = layers * names.length + 1;
  const runs = layers * names.length * palette.linears.length + palette.tables.length;
  const measured = Math.min(runs * each, Math.max(patience, sites * each));
  const ways = palette.recipes(undefined, [[0, names[0], palette.linears[0]]]).length;
  const correcting = base + CORRECTED_WALK * window * fit + (CORRECTED_ROUNDING * rounding) / palette.linears.length;
  const candidate = layers * correcting + held.count * (divergence + window * layers);
  // The best is made once more, with all windows.
  return rounded + measured + (POWERS.length + ways - 1 + 1) * candidate;
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
