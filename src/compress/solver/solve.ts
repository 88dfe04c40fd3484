/**
 * @file The best recipe of a size. Each matrix is rounded alone in every way that the format holds, and what that does to the
 * predictions is measured on windows that no fit sees; a knapsack chooses by divergence a byte; the most promising choices are
 * made whole, with `correct`, measured on the same windows, and the best is told beside the others.
 */
import type { Backend } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type DecoderModel, storedWeights, type WeightRef } from '../../models/decoder_model.ts';
import type { Packing } from '../../models/packed/packing.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import type { Shape } from '../../tensor/shape.ts';
import { layerLinears, linearOf, withWeights } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { passesOf } from '../recipe/passes.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { type Alternative, linearAlternatives, type SiteAlternatives, tableAlternatives } from './alternatives.ts';
import { type Choice, fillUp, knapsack } from './knapsack.ts';
import { DenseStates } from './measure.ts';
import type { Chosen, Palette } from './palette.ts';

export interface SolveRequest {
  /** Bytes of all weights in the file. */
  readonly targetBytes: number;
  /** Ways to store a linear, and the tables; the format's own. */
  readonly palette: Palette;
  /** Bytes that a packed matrix takes in the file. */
  bytesOf(shape: Shape, packing: Packing): number;
  /** Bytes of a weight that stays as it is: norms, biases, positions. */
  plainBytes(shape: Shape): number;
  /** How often the file holds a table that serves both ends; absent: once. */
  readonly tied_copies?: number;
  /** Windows that calibrate nothing and measure everything. */
  readonly held: TokenWindows;
  /** Seconds that measuring alternatives may take; beyond, one way a matrix is measured and the others follow its error. */
  readonly patience?: number;
  /** An own scratch store for each whole candidate. */
  createScratch(): Promise<ScratchStore>;
}

/** What sizes follow from. */
export type SizesOf = Pick<SolveRequest, 'palette' | 'bytesOf' | 'plainBytes' | 'tied_copies'>;

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
export const POWERS = [1, 0.7];
/** The held-back windows are few: another way than the first must be better by more than chance. */
const CLEARLY = 0.97;

export const PATIENCE_S = 300;

/** @throws `bad_option` for a target that nothing meets, with the smallest that can be; `cancelled` */
export async function solve(model: DecoderModel, request: SolveRequest, context: PassContext): Promise<Solution> {
  const fixed = fixedBytes(model, request);
  assertReachable(model, request, fixed);
  assertFits(model, request.palette);
  const { observer, signal, backend } = context;
  const progress = (fraction: number, step: string) =>
    observer.onProgress({ fraction, layer: 0, layers: model.layers.length, step, tokens: 0 });
  progress(0, 'rounding every matrix in every way');
  const linears = await linearAlternatives(model, request.palette, {
    ...context,
    observer: {
      onProgress: (part) =>
        observer.onProgress({ ...part, fraction: 0.3 * part.fraction, step: `rounding: ${part.step}` }),
    },
  });
  const tables = await tableAlternatives(model, request.palette, context);
  const states = await DenseStates.of(backend, model, request.held, signal, context.spill);
  try {
    const sites = [...tables.sites, ...linears];
    const costs = await measureCosts(
      states,
      model,
      tables.models,
      sites,
      request,
      (done) => progress(0.3 + 0.4 * done, 'measuring each matrix alone'),
      signal,
    );
    const groups = together(sites, request.palette);
    const choices = groups.map((group) => sumOf(group.map((i) => choicesOf(model, sites[i], costs[i], request))));
    const candidates = await makeWhole(model, sites, groups, choices, fixed, states, request, context, (done, step) =>
      progress(0.7 + 0.3 * done, step),
    );
    return { candidates, smallest: fixed + smallestOf(choices) };
  } finally {
    await states.clear();
  }
}

function smallestOf(choices: readonly (readonly Choice[])[]): number {
  return choices.reduce((sum, each) => sum + Math.min(...each.map(({ bytes }) => bytes)), 0);
}

/** Bytes of the smallest model that the format holds, from shapes alone. */
export function smallestBytes(model: DecoderModel, request: SizesOf, fixed = fixedBytes(model, request)): number {
  const least = (weight: WeightRef, ways: readonly string[]) => Math.min(...bytesIn(weight, ways, request));
  let smallest = fixed;
  for (const weight of linearsIn(model)) smallest += least(weight, request.palette.linears);
  for (const table of tablesOf(model)) smallest += least(table, request.palette.tables) * copiesOf(model, request);
  return smallest;
}

/** Known from shapes, before minutes are spent. */
function assertReachable(model: DecoderModel, request: SolveRequest, fixed: number): void {
  const smallest = smallestBytes(model, request, fixed);
  if (smallest <= request.targetBytes) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `No model with ${inMegabytes(request.targetBytes)} of weights can be made: the smallest has ${inMegabytes(smallest)}.`,
    place: { field: 'target-size' },
    allowed: `${smallest} bytes or more`,
    action: 'Name a larger target, or a format that holds smaller weights.',
  });
}

function inMegabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toPrecision(3)} kB` : `${(bytes / 1e6).toPrecision(4)} MB`;
}

/** A choice needs at least one linear to choose for. */
function assertFits(model: DecoderModel, { linears, packing }: Palette): void {
  const all = linearsIn(model);
  if (all.some((weight) => linears.some((way) => packing(way, weight)))) return;
  const inputs = [...new Set(all.map(({ shape }) => shape[1]))].join(', ');
  throw new WhittleError({
    code: 'bad_option',
    message: `None of the ways that the format has fits this model’s matrices, whose rows have ${inputs} inputs.`,
    place: { field: 'format' },
    allowed: 'rows that are a multiple of 32, in GGUF',
    action: 'Name ONNX as the first format: its groups need no such multiple.',
  });
}

/** In each of the ways that fit the matrix; as it is, where none does. */
function bytesIn(weight: WeightRef, ways: readonly string[], { palette, bytesOf, plainBytes }: SizesOf): number[] {
  const found = ways.flatMap((way) => {
    const packing = palette.packing(way, weight);
    return packing ? [bytesOf(weight.shape, packing)] : [];
  });
  return found.length > 0 ? found : [plainBytes(weight.shape)];
}

function linearsIn(model: DecoderModel): WeightRef[] {
  return model.layers.flatMap((layer) => layerLinears(layer).map((name) => linearOf(layer, name).weight));
}

function tablesOf(model: DecoderModel) {
  return [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
}

function copiesOf(model: DecoderModel, { tied_copies = 1 }: SizesOf): number {
  return tablesOf(model).length === 1 ? tied_copies : 1;
}

/** Of what no choice is made for: what is neither linear nor table. */
function fixedBytes(model: DecoderModel, { plainBytes }: SizesOf): number {
  const chosen = new Set([...tablesOf(model), ...linearsIn(model)]);
  const others = storedWeights(model).filter((weight) => !chosen.has(weight));
  return others.reduce((sum, { shape }) => sum + plainBytes(shape), 0);
}

/** Sites that are chosen for as one: each alone, or parts of one matrix. */
function together(sites: readonly SiteAlternatives[], { is_fused }: Palette): number[][] {
  const groups = new Map<string, number[]>();
  for (const [i, { site, siblings }] of sites.entries()) {
    const key = site === 'tables' ? site : `${site.layer}.${is_fused ? siblings.join('+') : site.name}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  return [...groups.values()];
}

/** They have the same ways, because they have the same inputs. */
function sumOf(parts: readonly Choice[][]): Choice[] {
  const sum = (way: number, key: keyof Choice) => parts.reduce((total, part) => total + part[way][key], 0);
  return parts[0].map((_, way) => ({ bytes: sum(way, 'bytes'), cost: sum(way, 'cost') }));
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
      const lossy = [...alternatives.keys()].filter((index) => alternatives[index].error > 0);
      const middle = lossy[Math.floor((lossy.length - 1) / 2)];
      const one = lossy.length > 0 ? await measured(middle) : 0;
      costs.push(alternatives.map(({ error }) => (error > 0 ? (one * error) / alternatives[middle].error : 0)));
      done += alternatives.length - (lossy.length > 0 ? 1 : 0);
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
    const isTables = site === 'tables';
    const shapes = isTables ? tablesOf(model).map(({ shape }) => shape) : [weight.shape];
    const bytes = shapes.reduce((sum, shape) => sum + request.bytesOf(shape, packing), 0);
    return { bytes: bytes * (isTables ? copiesOf(model, request) : 1), cost: costs[i] };
  });
}

async function makeWhole(
  model: DecoderModel,
  sites: readonly SiteAlternatives[],
  groups: readonly (readonly number[])[],
  choices: readonly (readonly Choice[])[],
  fixed: number,
  states: DenseStates,
  request: SolveRequest,
  context: PassContext,
  onStep: (share: number, step: string) => void,
): Promise<Candidate[]> {
  const room = request.targetBytes - fixed;
  const mixes = new Map<string, { recipes: readonly string[]; bytes: number; predicted: number }>();
  for (const power of POWERS) {
    const weighed = choices.map((each) => each.map(({ bytes, cost }) => ({ bytes, cost: cost ** power })));
    const { picks, bytes } = fillUp(weighed, knapsack(weighed, room), room);
    const predicted = picks.reduce((sum, pick, i) => sum + choices[i][pick].cost, 0);
    const picked = sites.map(
      ({ alternatives }, i) => alternatives[picks[groups.findIndex((group) => group.includes(i))]],
    );
    const recipes = recipesOf(sites, picked, request.palette);
    mixes.set(recipes[0], { recipes, bytes: fixed + bytes, predicted });
  }
  const found: (Candidate & { readonly rank: number })[] = [];
  const all = [...mixes.values()];
  const total = all.length + all[0].recipes.length - 1;
  const measure = async (mix: (typeof all)[number], way: number) => {
    const recipe = mix.recipes[way];
    onStep(found.length / total, `candidate ${found.length + 1} of ${total}`);
    const measured = await measureRecipe(context.backend, model, recipe, states, request, context);
    const rank = way === 0 ? CLEARLY * measured : measured;
    found.push({ recipe, bytes: mix.bytes, predicted: mix.predicted, measured, rank });
    return measured;
  };
  let best = all[0];
  let least = Number.POSITIVE_INFINITY;
  for (const mix of all) {
    const kl = await measure(mix, 0);
    if (kl < least) [least, best] = [kl, mix];
  }
  for (let way = 1; way < best.recipes.length; way++) await measure(best, way);
  return found.sort((a, b) => a.rank - b.rank).map(({ rank: _, ...candidate }) => candidate);
}

function recipesOf(sites: readonly SiteAlternatives[], picked: readonly Alternative[], palette: Palette) {
  const table = picked[sites.findIndex(({ site }) => site === 'tables')]?.way;
  const chosen = sites.flatMap(({ site }, i): Chosen[] =>
    site === 'tables' ? [] : [[site.layer, site.name, picked[i].way]],
  );
  return palette.recipes(table, chosen);
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
    return await states.ofModel(await made(dense, recipe, { ...context, backend, scratch }), context.signal);
  } finally {
    await scratch.clear();
  }
}

/** What a recipe makes of a model, its weights in the context's scratch store. */
export async function made(dense: DecoderModel, recipe: string, context: PassContext): Promise<DecoderModel> {
  let model = dense;
  for (const { method, step, before, after } of passesOf(parseRecipe(recipe).steps)) {
    const pass: PassContext = { ...context, dense, before, after, observer: { onProgress() {} } };
    const found = await method.run?.(model, step.options as never, pass);
    if (found) model = found.model;
  }
  return model;
}
