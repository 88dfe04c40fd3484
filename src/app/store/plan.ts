/** @file What the current settings would give, from shapes and spectra alone: redrawn at every move of the slider. */
import {
  constantDimensions,
  discardedEnergy,
  HEAD_KINDS,
  headRefusal,
  resolveHead,
  sliceDimension,
  slicedParts,
  totalElements,
} from '../../engine/plan.ts';
import type { HeadKind, ModelShape, ModelSummary, PartSizes, SiteReport } from '../../engine/protocol.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { remembered } from './remembered.ts';
import { isRebased, isSameProtocol, type RebasedRun, type Results } from './results.ts';
import type { Settings } from './settings.ts';

export interface Plan {
  dimension: number;
  /** What is kept at each site; the last stays whole unless the head is sliced. */
  dimensions: readonly number[];
  head: HeadKind;
  parts: PartSizes;
  parameters: number;
  /** Of the weights as slicing stores them; an export's depend on its precision: {@link ./sizes.ts}. */
  bytes: number;
}

/**
 * The plan, or why these settings cannot be (a dimension that rounds to none, a tied head on an untied model). Both are
 * null for a model that cannot be sliced at all.
 */
export type PlanResult = { plan: Plan; error: null } | { plan: null; error: ErrorData | null };

export function planOf(
  { shape }: ModelSummary,
  { sparsity_percent, round, head }: Pick<Settings, 'sparsity_percent' | 'round' | 'head'>,
): PlanResult {
  return planAt(shape, sparsity_percent, round, head);
}

const planAt = remembered((shape: ModelShape, percent: number, round: number, wanted: Settings['head']): PlanResult => {
  if (shape.slicing_refusal !== undefined) return { plan: null, error: null };
  try {
    const dimension = sliceDimension(shape.hidden_size, percent / 100, round);
    return { plan: sizedPlan(shape, dimension, resolveHead(wanted, shape)), error: null };
  } catch (thrown) {
    return { plan: null, error: toErrorData(thrown) };
  }
});

function sizedPlan(shape: ModelShape, dimension: number, head: HeadKind): Plan {
  const dimensions = constantDimensions(shape, dimension, head);
  const parts = slicedParts(shape, dimensions, head);
  const parameters = totalElements(parts);
  return { dimension, dimensions, head, parts, parameters, bytes: parameters * shape.bytes_per_element };
}

/** What each head would give at this dimension, or why the model does not allow it. */
export type HeadPlan = { head: HeadKind; plan: Plan; refusal: null } | { head: HeadKind; plan: null; refusal: string };

export function headPlans(shape: ModelShape, dimension: number): HeadPlan[] {
  return HEAD_KINDS.map((head) => {
    const refusal = headRefusal(shape, head);
    return refusal === undefined
      ? { head, plan: sizedPlan(shape, dimension, head), refusal: null }
      : { head, plan: null, refusal };
  });
}

/** Parameters under each head at this dimension; null where the model does not allow the head. */
export function headCosts(shape: ModelShape, dimension: number): Record<HeadKind, number | null> {
  const costs = headPlans(shape, dimension).map(({ head, plan }) => [head, plan?.parameters ?? null]);
  return Object.fromEntries(costs) as Record<HeadKind, number | null>;
}

export interface SiteEnergy {
  site: number;
  label: string;
  /** Share of the site's Σλ that the plan cuts away. */
  discarded: number;
  /** False where the plan keeps every dimension of the site. */
  is_cut: boolean;
}

/** What the plan cuts from each site of the dense spectra. */
export function energies(
  sites: readonly SiteReport[],
  { dimensions }: Pick<Plan, 'dimensions'>,
): readonly SiteEnergy[] {
  return energiesAt(sites, dimensions);
}

const energiesAt = remembered((sites: readonly SiteReport[], dimensions: readonly number[]): readonly SiteEnergy[] =>
  sites.map(({ site, label, eigenvalues }) => ({
    site,
    label,
    discarded: discardedEnergy(eigenvalues, dimensions[site]),
    is_cut: dimensions[site] < eigenvalues.length,
  })),
);

/** Mean over the sites that are cut, and the most at any; null while nothing has been calibrated. */
export function energySummary(energies: readonly SiteEnergy[]): { mean: number; most: number } | null {
  if (energies.length === 0) return null;
  const cut = energies.filter((energy) => energy.is_cut).map((energy) => energy.discarded);
  if (cut.length === 0) return { mean: 0, most: 0 };
  return { mean: cut.reduce((sum, share) => sum + share, 0) / cut.length, most: Math.max(...cut) };
}

/** Where the spectra shown are not what the head is cut by; null where they are. */
export function firstBasisNote(head: HeadKind): string | null {
  if (head !== 'tied-sliced') return null;
  return 'tied-sliced cuts emb by PCA of H/tr H + EᵀE/tr EᵀE; here of H alone';
}

export interface Matches {
  /** Made with exactly these settings. */
  run: RebasedRun | null;
  /** The same dimension and head by `rotate-once`: what releasing the slider measures. */
  quick: RebasedRun | null;
  /** The one to speak of: the run, unless only the quick one has been measured. */
  shown: RebasedRun | null;
}

/**
 * Runs that the current settings describe, so that what is shown as the result is never of another setting. Of equal
 * ones the newest that was measured: one whose measurement was cancelled hides none.
 */
export function matchingRuns(results: Results, settings: Settings, plan: Plan | null): Matches {
  if (!plan) return { run: null, quick: null, shown: null };
  const fitting = results.runs
    .filter(isRebased)
    .filter(
      ({ report: { bases }, protocol }) =>
        bases.dimension === plan.dimension &&
        bases.head === plan.head &&
        bases.options.fusion === settings.fusion &&
        isSameProtocol(protocol, results.protocol),
    );
  const newest = (schedule: string) => {
    const equal = fitting.filter(({ report: { bases } }) => bases.options.schedule === schedule);
    return equal.findLast((run) => run.perplexity) ?? equal.at(-1) ?? null;
  };
  const run = newest(settings.schedule);
  const quick = newest('rotate-once');
  return { run, quick, shown: [run, quick].find((match) => match?.perplexity) ?? run ?? quick };
}
