/** @file What is asked for once more: the run that it would be made equal to, and where the page says so. Pure. */
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { isRebased, isSameProtocol, type Results, type Run } from './results.ts';
import type { StudioState } from './store.ts';

/** By the slider, or by a recipe's text in its canonical form. */
export type Wanted =
  | { readonly slice: SlicegptOptions }
  | {
      readonly recipe: string;
      /** File of the importance matrix that is in use, null without one; absent: of whichever. */
      readonly imatrix?: string | null;
    };

/** The recipe as it would be run at this moment. */
export function recipeNow({ imatrix }: Results, recipe: string): Wanted {
  return { recipe, imatrix: imatrix?.name ?? null };
}

/** The newest run of exactly this that was measured in full, on the texts in use, and still has its weights. */
export function madeRun(results: Results, wanted: Wanted): Run | undefined {
  return results.runs.findLast((run) => run.perplexity !== null && isMadeBy(results, run, wanted));
}

/** One whose measurement was cancelled: the rest of what is wanted. */
export function unmeasuredRun(results: Results, wanted: Wanted): Run | undefined {
  return results.runs.findLast((run) => run.perplexity === null && isMadeBy(results, run, wanted));
}

function isMadeBy({ protocol, imatrix: given, examples }: Results, run: Run, wanted: Wanted): boolean {
  if (run.is_preview || run.is_lost || !isSameProtocol(run.protocol, protocol)) return false;
  if ('recipe' in wanted) {
    const { recipe, imatrix, files = {} } = run.report;
    const isOther = ({ name, sha256 }: { name: string; sha256: string }) => (files[name] ?? sha256) !== sha256;
    if (recipe !== wanted.recipe || examples.some(isOther) || (given && isOther(given))) return false;
    return wanted.imatrix === undefined || wanted.imatrix === (imatrix ?? null);
  }
  if (!isRebased(run)) return false;
  const { options } = run.report.bases;
  return (Object.keys(wanted.slice) as (keyof SlicegptOptions)[]).every((name) => options[name] === wanted.slice[name]);
}

/** The button that asked. */
export type RepeatPlace = 'slice' | 'sweep' | 'recipe' | 'sites' | 'target';

export interface Repeat extends Pick<StudioState, 'settings' | 'recipe' | 'front' | 'edits'> {
  place: RepeatPlace;
  /** Runs that are there, in the order in which they were asked for. */
  ids: readonly string[];
}

const NONE: readonly string[] = [];

/** Runs that a button was answered with, as long as it would ask for the same; one and the same array until then. */
export function repeatAt(state: StudioState, place: RepeatPlace): readonly string[] {
  const { repeat } = state;
  if (repeat?.place !== place) return NONE;
  const isSame = (['settings', 'recipe', 'front', 'edits'] as const).every((name) => repeat[name] === state[name]);
  const areThere = repeat.ids.every((id) => state.results.runs.some((run) => run.id === id));
  return isSame && areThere ? repeat.ids : NONE;
}

/** Whether a row of the table is what was just asked for. */
export function isRepeated(state: StudioState, id: string): boolean {
  return state.repeat !== null && repeatAt(state, state.repeat.place).includes(id);
}
