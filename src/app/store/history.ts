/**
 * @file What a person can take back: settings, recipe, dimensions by site, axes and size, names and pins of runs, runs that were removed. Steps are
 * made by comparing two states, so that nothing that changes a setting has to know of them.
 */
import { labelOf } from './front.ts';
import { changeRun, findRun, putBack, type Results, type Run, takeAway } from './results.ts';
import type { Settings } from './settings.ts';
import type { SiteEdits } from './site_dimensions.ts';
import type { FrontSettings, StudioState } from './store.ts';

/** Theme and backend have their own effects, and are chosen back where they were chosen. */
const SETTINGS = {
  sparsity_percent: 'sparsity',
  round: 'rounding',
  schedule: 'schedule',
  fusion: 'norm fusion',
  head: 'embedding and output table',
  texts: 'texts and windows',
  export: 'export format',
} as const satisfies Partial<Record<keyof Settings, string>>;

const FRONT = { x: 'axis', y: 'axis', target: 'size', columns: 'columns' } as const satisfies Record<
  keyof FrontSettings,
  string
>;

type SettingName = keyof typeof SETTINGS;
type FrontName = keyof typeof FRONT;
/** Of the state itself. */
const OWN = { recipe: 'recipe', edits: 'dimensions by site' } as const;

type Field = SettingName | FrontName | keyof typeof OWN;
type Fields = Partial<
  Pick<Settings, SettingName> & Pick<FrontSettings, FrontName> & { recipe: string; edits: SiteEdits }
>;
type Undoable = Pick<StudioState, 'settings' | 'recipe' | 'front' | 'edits' | 'results'>;

interface Mark {
  name?: string;
  is_pinned?: boolean;
}

export type Step =
  | { kind: 'fields'; before: Fields; after: Fields }
  | { kind: 'mark'; id: string; label: string; before: Mark; after: Mark }
  | { kind: 'removal'; id: string; label: string };

/** What was done between two states of the same model, each a step. */
export function stepsBetween(before: Undoable, after: Undoable): Step[] {
  const fields = changedFields(before, after);
  const steps: Step[] = fields ? [fields] : [];
  if (before.results === after.results) return steps;
  return [...steps, ...changedRuns(before.results, after.results)];
}

function changedFields(before: Undoable, after: Undoable): Step | null {
  const [old, now]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}];
  const compare = (name: Field, a: unknown, b: unknown) => {
    if (Object.is(a, b)) return;
    old[name] = a;
    now[name] = b;
  };
  if (before.settings !== after.settings)
    for (const name of Object.keys(SETTINGS) as SettingName[])
      compare(name, before.settings[name], after.settings[name]);
  if (before.front !== after.front)
    for (const name of Object.keys(FRONT) as FrontName[]) compare(name, before.front[name], after.front[name]);
  for (const name of Object.keys(OWN) as (keyof typeof OWN)[]) compare(name, before[name], after[name]);
  return Object.keys(now).length > 0 ? { kind: 'fields', before: old, after: now } : null;
}

function changedRuns(before: Results, after: Results): Step[] {
  const steps: Step[] = [];
  if (before.runs !== after.runs) {
    for (const run of after.runs) {
      const known = findRun(before, run.id);
      if (!known || known === run || isSameMark(known, run)) continue;
      steps.push({ kind: 'mark', id: run.id, label: labelOf(known), before: markOf(known), after: markOf(run) });
    }
  }
  for (const run of after.removed) {
    if (before.removed.every(({ id }) => id !== run.id))
      steps.push({ kind: 'removal', id: run.id, label: labelOf(run) });
  }
  return steps;
}

function markOf({ name, is_pinned }: Run): Mark {
  return { name, is_pinned };
}

function isSameMark(a: Mark, b: Mark): boolean {
  return a.name === b.name && (a.is_pinned ?? false) === (b.is_pinned ?? false);
}

/** The same fields moved on: one step of both. Null where they are two. */
export function joined(first: Step, second: Step): Step | null {
  if (first.kind !== 'fields' || second.kind !== 'fields') return null;
  const names = Object.keys(first.after);
  if (names.length !== Object.keys(second.after).length || !names.every((name) => name in second.after)) return null;
  return { kind: 'fields', before: first.before, after: second.after };
}

/** The state with a step taken back, or taken again. */
export function stepped(state: Undoable, step: Step, way: 'undo' | 'redo'): Partial<StudioState> {
  const { results } = state;
  if (step.kind === 'mark') return { results: changeRun(results, step.id, way === 'undo' ? step.before : step.after) };
  if (step.kind === 'removal') return { results: (way === 'undo' ? putBack : takeAway)(results, step.id) };
  const fields: Fields = way === 'undo' ? step.before : step.after;
  const part = (names: object) => Object.fromEntries(Object.entries(fields).filter(([name]) => name in names));
  return {
    settings: { ...state.settings, ...part(SETTINGS) },
    front: { ...state.front, ...part(FRONT) },
    ...part(OWN),
  };
}

/** Whether a step can still be taken back: a removed run may be freed, a marked one gone. */
export function isPossible(step: Step, results: Results, way: 'undo' | 'redo'): boolean {
  if (step.kind === 'fields') return true;
  const isThere = findRun(results, step.id) !== undefined;
  const isRemoved = results.removed.some(({ id }) => id === step.id);
  if (step.kind === 'removal') return way === 'undo' ? isRemoved : isThere;
  return isThere || isRemoved;
}

/** For people: "sparsity 25 → 40", "removal of rtn:bits=4". */
export function stepText(step: Step): string {
  if (step.kind === 'removal') return `removal of ${step.label}`;
  if (step.kind === 'mark')
    return step.before.name === step.after.name ? `pin of ${step.label}` : `name of ${step.label}`;
  const names = Object.keys(step.after) as Field[];
  const [first] = names;
  const words = [...new Set(names.map((name) => ({ ...SETTINGS, ...FRONT, ...OWN })[name]))];
  if (words.length > 2) return `${words[0]} and other settings`;
  const [old, now] = [step.before[first], step.after[first]];
  const isShort = names.length === 1 && [old, now].every((value) => /^(?:number|string)$/.test(typeof value));
  return isShort && first !== 'recipe' ? `${words[0]} ${old} → ${now}` : words.join(' and ');
}
