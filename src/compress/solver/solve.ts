/**
 * @file The best recipe of a size. Each matrix is rounded alone in every way that the format holds, and what that does to the
 * predictions is measured on windows that no fit sees; a knapsack chooses by divergence a byte; the most promising choices are
 * made whole, with `correct`, measured on the same windows, and the best is told beside the others.
 */
import type { Backend } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import type { Shape } from '../../tensor/shape.ts';
import { layerLinears, linearOf, withWeights } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { formatMix, type MixEntry } from '../options/mix.ts';
import { passesOf } from '../recipe/passes.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { linearAlternatives, type SiteAlternatives, tableAlternatives } from './alternatives.ts';
import { type Choice, fillUp, knapsack } from './knapsack.ts';
import { DenseStates } from './measure.ts';

export interface SolveRequest {
  /** Bytes of all weights in the file. */
  readonly targetBytes: number;
  /** Ways to store a linear, and the tables; the format's own. */
  readonly linears: readonly MixEntry[];
  readonly tables: readonly MixEntry[];
  /** Bytes that a packed matrix takes in the file. */
  bytesOf(shape: Shape, packing: Grouped): number;
  /** Bytes of a weight that stays as it is: norms, biases, positions. */
  plainBytes(elements: number): number;
  /** Windows that calibrate nothing and measure everything. */
  readonly held: TokenWindows;
  /** Seconds that measuring alternatives may take; beyond, one way a matrix is measured and the others follow its error. */
  readonly patience?: number;
  /** An own scratch store for each whole candidate. */
  createScratch(): Promise<ScratchStore>;
}

export interface Candidate {
  readonly recipe: string;
  readonly bytes: number;
  /** Sum of the divergences that its choices had alone. */
  readonly predicted: number;
  /** KL from the dense model on the held-back windows, made whole. */
  readonly measured: number;
}

export interface Solution {
  /** The best first, where two that differ by chance alone stay as they were tried. */
  readonly candidates: readonly Candidate[];
  /** Bytes of the smallest model that can be made. */
  readonly smallest: number;
}

/** Divergences are compared as they are, and with large ones made smaller: correction mends coarse matrices most. */
const POWERS = [1, 0.7];
/** How a mix is made whole. The best mix is tried in each of these, the best of them stays. */
const WAYS: readonly Way[] = [
  { ridge: 1, order: 'natural' },
  { ridge: 0.3, order: 'natural' },
  { ridge: 0.3, order: 'static' },
  { ridge: 1, order: 'static' },
];

/** The held-back windows are few: another way than the first must be better by more than chance. */
const CLEARLY = 0.97;

interface Way {
  readonly ridge: number;
  readonly order: 'natural' | 'static';
}
const PATIENCE_S = 300;

/** @throws `bad_option` for a target that nothing meets, with the smallest that can be; `cancelled` */
export async function solve(model: DecoderModel, request: SolveRequest, context: PassContext): Promise<Solution> {
  const fixed = fixedBytes(model, request);
  assertReachable(model, request, fixed);
  const { observer, signal, backend } = context;
  const progress = (fraction: number, step: string) =>
    observer.onProgress({ fraction, layer: 0, layers: model.layers.length, step, tokens: 0 });
  progress(0, 'rounding every matrix in every way');
  const linears = await linearAlternatives(model, request.linears, {
    ...context,
    observer: {
      onProgress: (part) =>
        observer.onProgress({ ...part, fraction: 0.3 * part.fraction, step: `rounding: ${part.step}` }),
    },
  });
  const tables = await tableAlternatives(model, request.tables, context);
  const states = await DenseStates.of(backend, model, request.held, signal);
  const sites = [tables.site, ...linears];
  const costs = await measureCosts(
    states,
    model,
    tables.models,
    sites,
    request,
    (done) => progress(0.3 + 0.4 * done, 'measuring each matrix alone'),
    signal,
  );
  const choices = sites.map((site, i) => choicesOf(model, site, costs[i], request));
  const candidates = await makeWhole(model, sites, choices, fixed, states, request, context, (done, step) =>
    progress(0.7 + 0.3 * done, step),
  );
  return { candidates, smallest: fixed + smallestOf(choices) };
}

function smallestOf(choices: readonly (readonly Choice[])[]): number {
  return choices.reduce((sum, each) => sum + Math.min(...each.map(({ bytes }) => bytes)), 0);
}

/** Known from shapes, before minutes are spent. */
function assertReachable(model: DecoderModel, request: SolveRequest, fixed: number): void {
  const ofShape = (shape: Shape, entries: readonly MixEntry[]) =>
    Math.min(...entries.map((entry) => request.bytesOf(shape, packingOf(entry))));
  let smallest = fixed;
  for (const layer of model.layers) {
    for (const name of layerLinears(layer)) smallest += ofShape(linearOf(layer, name).weight.shape, request.linears);
  }
  for (const { shape } of tablesOf(model)) smallest += ofShape(shape, request.tables);
  if (smallest <= request.targetBytes) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `No model of ${request.targetBytes} bytes of weights can be made: the smallest has ${smallest}.`,
    place: { field: 'target-size' },
    allowed: `${smallest} bytes or more`,
    action: 'Name a larger target, or a format that holds smaller weights.',
  });
}

/** As plans count it: a source's own grid costs no less. */
function packingOf({ bits, group }: MixEntry): Grouped {
  const isRow = bits === 8 && group === 'row';
  return { kind: 'grouped', bits, group, zero: isRow ? 'symmetric' : 'integer', scale: isRow ? 'F32' : 'F16' };
}

function tablesOf(model: DecoderModel) {
  return [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
}

/** Of what no choice is made for. */
function fixedBytes(model: DecoderModel, { plainBytes }: SolveRequest): number {
  const chosen = new Set(tablesOf(model));
  for (const layer of model.layers) for (const name of layerLinears(layer)) chosen.add(linearOf(layer, name).weight);
  const others = storedWeights(model).filter((weight) => !chosen.has(weight));
  return others.reduce((sum, { shape }) => sum + plainBytes(shape.reduce((a, b) => a * b, 1)), 0);
}

/** [site][alternative]: KL of that matrix alone. */
async function measureCosts(
  states: DenseStates,
  model: DecoderModel,
  tableModels: readonly DecoderModel[],
  sites: readonly SiteAlternatives[],
  { patience = PATIENCE_S }: SolveRequest,
  onShare: (share: number) => void,
  signal: AbortSignal,
): Promise<number[][]> {
  const costs: number[][] = [];
  const begun = performance.now();
  const runs = sites.reduce((sum, { alternatives }) => sum + alternatives.length, 0);
  let done = 0;
  let isPatient = true;
  for (const [i, { site, alternatives }] of sites.entries()) {
    throwIfCancelled(signal);
    const measured = async (index: number) => {
      const kl =
        site === 'tables'
          ? await states.ofModel(tableModels[index], signal)
          : await states.ofLayer(layerWith(model, site.layer, site.name, alternatives[index].weight), signal);
      done++;
      return Math.max(0, kl);
    };
    if (isPatient || site === 'tables') {
      const all: number[] = [];
      for (const index of alternatives.keys()) all.push(await measured(index));
      costs.push(all);
    } else {
      // One way is measured; the others lose in proportion to their error, of which the divergence is a quadratic form.
      const middle = Math.floor((alternatives.length - 1) / 2);
      const one = await measured(middle);
      costs.push(alternatives.map(({ error }) => (one * error) / (alternatives[middle].error || 1)));
      done += alternatives.length - 1;
    }
    const seconds = (performance.now() - begun) / 1000;
    isPatient = (seconds * runs) / done < patience;
    onShare((i + 1) / sites.length);
  }
  return costs;
}

function layerWith(model: DecoderModel, index: number, name: LinearName, weight: DecoderModel['lm_head']['weight']) {
  return withWeights(model.layers[index], new Map([[name, weight]]));
}

function choicesOf(
  model: DecoderModel,
  { site, alternatives }: SiteAlternatives,
  costs: number[],
  request: SolveRequest,
) {
  return alternatives.map(({ packing, weight }, i): Choice => {
    const shapes = site === 'tables' ? tablesOf(model).map(({ shape }) => shape) : [weight.shape];
    return { bytes: shapes.reduce((sum, shape) => sum + request.bytesOf(shape, packing), 0), cost: costs[i] };
  });
}

async function makeWhole(
  model: DecoderModel,
  sites: readonly SiteAlternatives[],
  choices: readonly (readonly Choice[])[],
  fixed: number,
  states: DenseStates,
  request: SolveRequest,
  context: PassContext,
  onStep: (share: number, step: string) => void,
): Promise<Candidate[]> {
  const room = request.targetBytes - fixed;
  const mixes = new Map<string, { text(way: Way): string; bytes: number; predicted: number }>();
  for (const power of POWERS) {
    const weighed = choices.map((each) => each.map(({ bytes, cost }) => ({ bytes, cost: cost ** power })));
    const { picks, bytes } = fillUp(weighed, knapsack(weighed, room), room);
    const predicted = picks.reduce((sum, pick, i) => sum + choices[i][pick].cost, 0);
    const text = (way: Way) => recipeOf(sites, picks, way);
    mixes.set(text(WAYS[0]), { text, bytes: fixed + bytes, predicted });
  }
  const found: (Candidate & { readonly rank: number })[] = [];
  const all = [...mixes.values()];
  const total = all.length + WAYS.length - 1;
  const measure = async (mix: (typeof all)[number], way: Way) => {
    const recipe = mix.text(way);
    onStep(found.length / total, `candidate ${found.length + 1} of ${total}`);
    const measured = await measureRecipe(context.backend, model, recipe, states, request, context);
    const rank = way === WAYS[0] ? CLEARLY * measured : measured;
    found.push({ recipe, bytes: mix.bytes, predicted: mix.predicted, measured, rank });
    return measured;
  };
  let best = all[0];
  let least = Number.POSITIVE_INFINITY;
  for (const mix of all) {
    const kl = await measure(mix, WAYS[0]);
    if (kl < least) [least, best] = [kl, mix];
  }
  for (const way of WAYS.slice(1)) await measure(best, way);
  return found.sort((a, b) => a.rank - b.rank).map(({ rank: _, ...candidate }) => candidate);
}

/** `embed` for the tables, then `correct` and `gptq` with the most frequent choice as its own and the rest as a mix. */
function recipeOf(sites: readonly SiteAlternatives[], picks: readonly number[], { ridge, order }: Way): string {
  const chosen = sites.map(({ alternatives }, i) => alternatives[picks[i]].entry);
  const table = chosen[sites.findIndex(({ site }) => site === 'tables')];
  const counts = new Map<string, { entry: MixEntry; count: number }>();
  sites.forEach(({ site }, i) => {
    if (site === 'tables') return;
    const key = `${chosen[i].bits}/${chosen[i].group}`;
    counts.set(key, { entry: chosen[i], count: (counts.get(key)?.count ?? 0) + 1 });
  });
  const common = [...counts.values()].sort((a, b) => b.count - a.count)[0].entry;
  const others = sites.flatMap(({ site }, i) => {
    const isCommon = chosen[i].bits === common.bits && chosen[i].group === common.group;
    return site === 'tables' || isCommon ? [] : [[site.layer, site.name, chosen[i]] as const];
  });
  const mix = others.length > 0 ? `,mix=${formatMix(others)}` : '';
  return `embed:bits=${table.bits},group=${table.group}; correct:ridge=${ridge}; gptq:bits=${common.bits},group=${common.group}${order === 'natural' ? '' : `,order=${order}`}${mix}`;
}

async function measureRecipe(
  backend: Backend,
  dense: DecoderModel,
  recipe: string,
  states: DenseStates,
  { createScratch }: SolveRequest,
  context: PassContext,
): Promise<number> {
  const scratch = await createScratch();
  try {
    let model = dense;
    for (const { method, step, before, after } of passesOf(parseRecipe(recipe).steps)) {
      const quiet = { onProgress() {} };
      const pass: PassContext = { ...context, backend, scratch, dense, before, after, observer: quiet };
      const made = await method.run?.(model, step.options as never, pass);
      if (made) model = made.model;
    }
    return await states.ofModel(model, context.signal);
  } finally {
    await scratch.clear();
  }
}
