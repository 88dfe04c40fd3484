/** @file What one press does about a failed job; fetched once one failed. */
import { missingTokens } from '../../engine/plan.ts';
import type { TextSettings } from '../../engine/protocol.ts';
import type { PickedFile } from '../../platform/dropped_files.ts';
import { changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { dismiss, goTo } from './failure.ts';
import { isOccupied } from './job.ts';
import { measureAgain, openAsked } from './open_model.ts';

/** Elements that show what lies in the browser's storage, the most useful first. */
export const STORED = 'data-stored';

/** Sessions and downloads, which can be deleted there; where there are none, the runs of this model. */
export function showStored(): void {
  goTo(document.querySelector<HTMLElement>(`[${STORED}]`) ?? document.querySelector<HTMLElement>('.runs-card'));
}

/** What was to be opened last, with these files beside: in the same folder, in place of those of the same names. */
export async function addFiles(studio: Studio, files: readonly PickedFile[]): Promise<void> {
  const { attempted } = studio;
  if (attempted?.kind !== 'files' || files.length === 0) return;
  const all = joinedFiles(attempted.files, files);
  await openAsked(studio, { kind: 'files', files: all }, `it with ${files.map(({ file }) => file.name).join(', ')}`);
}

export function joinedFiles(before: readonly PickedFile[], added: readonly PickedFile[]): PickedFile[] {
  const [first] = before;
  const folder = first?.path.includes('/') ? first.path.slice(0, first.path.indexOf('/') + 1) : '';
  const placed = added.map(({ file }) => ({ path: `${folder}${file.name}`, file }));
  return [...before.filter(({ path }) => placed.every((each) => each.path !== path)), ...placed];
}

/** What could not be opened, as the text that slices are calibrated on. */
export function calibrateOn(studio: Studio): void {
  const { attempted, store } = studio;
  if (attempted?.kind !== 'files') return;
  const [{ file }] = attempted.files;
  const { texts } = store.getState().settings;
  changeSettings(store, { texts: { ...texts, calibration: { kind: 'file', file } } });
  dismiss(studio);
}

export async function takeBuiltInTexts(studio: Studio): Promise<void> {
  if (isOccupied(studio)) return;
  const { texts } = studio.store.getState().settings;
  const builtIn = { kind: 'demo' } as const;
  changeSettings(studio.store, { texts: { ...texts, calibration: builtIn, evaluation: builtIn } });
  await measureAgain(studio);
}

/** @param seqlen Tokens of each. */
export async function takeWindowsOf(studio: Studio, seqlen: number): Promise<void> {
  if (isOccupied(studio)) return;
  const { texts } = studio.store.getState().settings;
  changeSettings(studio.store, { texts: { ...texts, seqlen } });
  await measureAgain(studio);
}

/** Whether the windows that are chosen have a token for every direction that is kept. */
export function hasEnoughWindows(texts: Pick<TextSettings, 'samples' | 'seqlen'>, dimension: number): boolean {
  return missingTokens(texts, dimension) === undefined;
}

/** The windows that are chosen where they are enough; else as many of this length as have two tokens for every direction. */
export function windowsToTake(texts: Pick<TextSettings, 'samples' | 'seqlen'>, dimension: number): number {
  return hasEnoughWindows(texts, dimension) ? texts.samples : Math.ceil((2 * dimension) / texts.seqlen);
}

export async function takeEnoughWindows(studio: Studio, dimension: number): Promise<void> {
  if (isOccupied(studio)) return;
  const { texts } = studio.store.getState().settings;
  changeSettings(studio.store, { texts: { ...texts, samples: windowsToTake(texts, dimension) } });
  await measureAgain(studio);
}
