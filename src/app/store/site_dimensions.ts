/**
 * @file Dimensions of single sites that differ from the slider's: what the editor keeps, and what follows from it. A site that is
 * locked stays where it is while the slider moves; the others go with it again. Pure.
 */
import { slicedParts, totalElements } from '../../engine/plan.ts';
import type { ModelSummary, SiteReport } from '../../engine/protocol.ts';
import type { Plan } from './plan.ts';
import type { Settings } from './settings.ts';

export interface SiteEdits {
  /** Of which model they are. */
  fingerprint: string;
  /** Where the slider stood, and with which rounding: elsewhere only what is locked counts. */
  at: string;
  /** Kept dimensions of sites that were moved. */
  own: Readonly<Record<number, number>>;
  locked: readonly number[];
  /** Dimensions are multiples of it, or whole. */
  multiple: number;
}

export const NO_EDITS: SiteEdits = { fingerprint: '', at: '', own: {}, locked: [], multiple: 8 };

export function isEdited(edits: SiteEdits | undefined): edits is SiteEdits {
  return edits !== undefined && (Object.keys(edits.own).length > 0 || edits.locked.length > 0);
}

/** What is needed to tell where edits belong. */
export interface EditPlace {
  fingerprint: string;
  at: string;
}

export function placeOf(
  model: Pick<ModelSummary, 'fingerprint'>,
  settings: Pick<Settings, 'sparsity_percent' | 'round'>,
): EditPlace {
  return { fingerprint: model.fingerprint, at: `${settings.sparsity_percent}/${settings.round}` };
}

/** As they hold at this place of the slider. */
export function editsAt(edits: SiteEdits, place: EditPlace): SiteEdits {
  if (edits.fingerprint !== place.fingerprint) return { ...NO_EDITS, ...place, multiple: edits.multiple };
  if (edits.at === place.at) return edits;
  const own = Object.fromEntries(Object.entries(edits.own).filter(([site]) => edits.locked.includes(Number(site))));
  return { ...edits, ...place, own };
}

/** Whether the plan keeps this site whole whatever is chosen: the last one, unless the head is sliced. */
export function isFixed({ dimensions, head }: Pick<Plan, 'dimensions' | 'head'>, site: number): boolean {
  return site === dimensions.length - 1 && head !== 'sliced';
}

/** Kept dimension of every site; none beyond the hidden size, whatever an address or a file says. */
export function editedDimensions(
  plan: Pick<Plan, 'dimensions' | 'head'>,
  edits: SiteEdits,
  hiddenSize: number,
): readonly number[] {
  if (Object.keys(edits.own).length === 0) return plan.dimensions;
  return plan.dimensions.map((dimension, site) =>
    isFixed(plan, site) ? dimension : Math.min(hiddenSize, edits.own[site] ?? dimension),
  );
}

/** The nearest that is allowed: a multiple, at least one of them, or all. */
export function roundDimension(wanted: number, hiddenSize: number, multiple: number): number {
  if (wanted >= hiddenSize - multiple / 2) return hiddenSize;
  return Math.min(hiddenSize, Math.max(Math.min(multiple, hiddenSize), Math.round(wanted / multiple) * multiple));
}

/** The same edits where they have it already: a bar that is dragged comes to another multiple now and then. */
export function withDimension(edits: SiteEdits, site: number, wanted: number, hiddenSize: number): SiteEdits {
  const dimension = roundDimension(wanted, hiddenSize, edits.multiple);
  if (edits.locked.includes(site) || edits.own[site] === dimension) return edits;
  return { ...edits, own: { ...edits.own, [site]: dimension } };
}

/** Locking pins the dimension that the site has now. */
export function withLock(edits: SiteEdits, site: number, dimension: number, isLocked: boolean): SiteEdits {
  const others = edits.locked.filter((each) => each !== site);
  if (!isLocked) return { ...edits, locked: others };
  return { ...edits, locked: [...others, site], own: { ...edits.own, [site]: dimension } };
}

/** All that are not locked as the slider has them. */
export function sameEverywhere(edits: SiteEdits): SiteEdits {
  const own = Object.fromEntries(Object.entries(edits.own).filter(([site]) => edits.locked.includes(Number(site))));
  return { ...edits, own };
}

/** Each site that is not locked keeps this share of its variance, with as few dimensions as do. */
export function byKeptEnergy(
  edits: SiteEdits,
  plan: Pick<Plan, 'dimensions' | 'head'>,
  sites: readonly Pick<SiteReport, 'site' | 'eigenvalues'>[],
  share: number,
): SiteEdits {
  const own: Record<number, number> = { ...edits.own };
  for (const { site, eigenvalues } of sites) {
    if (edits.locked.includes(site) || isFixed(plan, site)) continue;
    const needed = dimensionKeeping(eigenvalues, share);
    const rounded = Math.ceil(needed / edits.multiple) * edits.multiple;
    own[site] = Math.min(eigenvalues.length, rounded);
  }
  return { ...edits, own };
}

/** The least dimension whose eigenvalues, largest first, hold this share of their sum. What rounding made negative counts as none. */
export function dimensionKeeping(eigenvalues: ArrayLike<number>, share: number): number {
  let total = 0;
  for (let i = 0; i < eigenvalues.length; i++) total += Math.max(0, eigenvalues[i]);
  let kept = 0;
  for (let i = 0; i < eigenvalues.length; i++) {
    kept += Math.max(0, eigenvalues[i]);
    if (kept >= share * total) return i + 1;
  }
  return eigenvalues.length;
}

/** The plan with these dimensions in place of one for all. */
export function editedPlan(model: ModelSummary, plan: Plan, dimensions: readonly number[]): Plan {
  const parts = slicedParts(model.shape, dimensions, plan.head);
  const parameters = totalElements(parts);
  return { ...plan, dimensions, parts, parameters, bytes: parameters * model.shape.bytes_per_element };
}

/** As a recipe's step. */
export function slicingStep(
  dimensions: readonly number[],
  { schedule, fusion }: Pick<Settings, 'schedule' | 'fusion'>,
  { head }: Pick<Plan, 'head'>,
) {
  const options = {
    ...(schedule !== 'sequential' && { schedule }),
    ...(fusion !== 'exact' && { fusion }),
    head,
    dimensions: [...dimensions],
  };
  return { method: 'slicegpt', options };
}
