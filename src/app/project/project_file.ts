/** @file The store as a project file, and back as a session that waits for its model's files. */
import * as v from 'valibot';
import type { KeptMetrics } from '../../engine/metrics/metrics.ts';
import { VERSION } from '../../engine/plan.ts';
import type { ModelSource, TextSettings, TextSource } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { SessionInfo } from '../../platform/session_records.ts';
import { DATA_VERSION, dataOf, type SessionData, type SessionFiles } from '../sessions/data.ts';
import { QUANTITY_NAMES, type Quantity } from '../store/quantities.ts';
import { NO_RESULTS, type Run } from '../store/results.ts';
import { builtInSource, type Settings } from '../store/settings.ts';
import { isEdited } from '../store/site_dimensions.ts';
import { createStudioStore, type FrontSettings, type StudioState } from '../store/store.ts';
import { PROJECT_FORMAT, PROJECT_VERSION, type Project, projectSchema } from './schema.ts';

export const PROJECT_ENDING = '.whittle.json';
/** Of text: the spectra of a large model take tens of MB. */
const MOST_BYTES = 500e6;

/** Null while no model is open: there is nothing to save then. */
export function projectText(
  state: StudioState,
  metrics: KeptMetrics,
  engines: number,
  now = new Date(),
): string | null {
  const { model } = state.results;
  if (!model) return null;
  const { settings, results, recipe, front, selected, edits } = dataOf(state, metrics);
  const { sparsity_percent, round, schedule, fusion, head } = settings;
  const { protocol, dense, spectra, solution, curves, training, scores } = results;
  const project: Record<Exclude<keyof Project, '$schema'>, unknown> = {
    ...{ format: PROJECT_FORMAT, version: PROJECT_VERSION, written_by: VERSION, saved_at: now.toISOString() },
    name: state.sessions.name ?? model.name,
    model,
    source: placeOf(state.source),
    texts: textPlaces(state.settings.texts),
    measured_with: protocol && state.results.texts ? { texts: textPlaces(state.results.texts), protocol } : null,
    settings: { sparsity_percent, round, schedule, fusion, head, export: settings.export },
    ...{ recipe, front, edits: isEdited(edits) ? edits : undefined, engines, dense, spectra },
    runs: results.runs.map(({ report, protocol, ...run }) => ({ ...measuredOf(run), report, protocol })),
    ...{ selected, solution, curves, training, tasks: results.tasks, scores, metrics },
  };
  return `${JSON.stringify(project, plain)}\n`;
}

function measuredOf({ name, is_pinned, perplexity }: Pick<Run, 'name' | 'is_pinned' | 'perplexity'>) {
  return { name, is_pinned, perplexity };
}

/** JSON's forms of what it has no word for. `unkept` speaks of this browser only. */
function plain(key: string, value: unknown): unknown {
  if (key === 'unkept') return undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return ArrayBuffer.isView(value) ? Array.from(value as Float64Array, (each) => plain('', each)) : value;
}

function placeOf(source: ModelSource | null): Project['source'] {
  if (source?.kind === 'hub') return { kind: 'hub', key: source.key };
  return { kind: source?.kind === 'demo' ? 'built-in' : 'files' };
}

/** Names of a person's own texts, never what stands in them. */
function textPlaces({ calibration, evaluation, ...windows }: TextSettings): Project['texts'] {
  return { ...windows, calibration: textPlace(calibration), evaluation: textPlace(evaluation) };
}

function textPlace(text: TextSource): Project['texts']['calibration'] {
  if (text.kind === 'demo') return { kind: 'built-in', ...(text.of && { text: text.of }) };
  return { kind: 'own', name: text.kind === 'file' ? text.file.name : text.name };
}

/** Throws `bad_project`. */
export async function readProject(file: File): Promise<Project> {
  if (file.size > MOST_BYTES)
    throw bad(file, {
      message: `The file has ${file.size} bytes.`,
      allowed: `projects of at most ${MOST_BYTES} bytes`,
    });
  let value: unknown;
  try {
    value = JSON.parse((await file.text()).replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw bad(file, { message: `The file is no JSON: ${(cause as Error).message}.`, allowed: 'a JSON object' });
  }
  assertOwn(file, value);
  const read = v.safeParse(projectSchema, value, { abortEarly: true });
  if (read.success) return consistent(file, read.output);
  const [issue] = read.issues;
  const field = v.getDotPath(issue) ?? '';
  throw bad(file, {
    message: `${field || 'The file'} is ${issue.received === 'undefined' ? 'missing' : shown(issue.received)}.`,
    field,
    allowed: (issue.type === 'regex' ? null : issue.expected) ?? issue.message,
  });
}

/** What another program wrote, or another version of this one, is told as that. */
function assertOwn(file: File, value: unknown): void {
  const { format, version } = (value ?? {}) as { format?: unknown; version?: unknown };
  if (format !== PROJECT_FORMAT)
    throw bad(file, {
      message: `The file is no project of Whittle: its format is ${shown(JSON.stringify(format) ?? 'missing')}.`,
      field: 'format',
      allowed: `"${PROJECT_FORMAT}"`,
    });
  if (version === PROJECT_VERSION) return;
  const isNewer = typeof version === 'number' && version > PROJECT_VERSION;
  throw bad(file, {
    message: `The project has version ${shown(JSON.stringify(version) ?? 'missing')}.`,
    field: 'version',
    allowed: `version ${PROJECT_VERSION}`,
    ...(isNewer && { action: 'A newer Whittle wrote it: open it there, or update this one.' }),
  });
}

/** What no single field can say. */
function consistent(file: File, project: Project): Project {
  const ids = new Set<string>();
  for (const [i, { report }] of project.runs.entries()) {
    const { id } = report;
    const field = `runs.${i}.report`;
    if (ids.has(id) || id === 'dense')
      throw bad(file, { message: `${field} has the id ${id}, which is taken.`, field, allowed: 'an id of its own' });
    ids.add(id);
  }
  const { selected } = project;
  return { ...project, selected: selected !== null && ids.has(selected) ? selected : null };
}

function shown(value: string): string {
  return value.length > 60 ? `${value.slice(0, 59)}…` : value;
}

function bad(
  { name }: File,
  { field, action, ...what }: { message: string; allowed: string; field?: string; action?: string },
): WhittleError {
  return new WhittleError({
    code: 'bad_project',
    ...what,
    place: { file: name, ...(field && { field }) },
    action: action ?? 'Save the project again (Runs, Save, Project), or open another file.',
  });
}

export interface OpenedProject {
  info: SessionInfo;
  data: SessionData;
  files: SessionFiles;
  /** Names of texts that are not in the file, where figures were measured with them. */
  missing_texts: string[];
}

/**
 * A session of its own. Its runs have figures and recipes, but no weights.
 * @param page Its name in this browser, and the backend that the page runs on.
 */
export function sessionOf(
  project: Project,
  page: { id: string; saved_at: number; backend: Settings['backend'] },
): OpenedProject {
  const { id, saved_at, backend } = page;
  const { measured_with, model } = project;
  const named = measured_with?.texts ?? project.texts;
  const missing_texts = [named.calibration, named.evaluation].flatMap((each) => (each.kind === 'own' ? each.name : []));
  const isMeasurable = missing_texts.length === 0;
  const results: SessionData['results'] = {
    ...NO_RESULTS,
    ...{ model, protocol: measured_with?.protocol ?? null },
    dense: project.dense,
    spectra: project.spectra,
    runs: project.runs.map(({ report, ...run }) => ({ ...run, report, id: report.id, is_preview: false, exports: [] })),
    ...{ solution: project.solution, curves: project.curves, training: project.training, scores: project.scores },
  };
  return {
    info: {
      ...{ id, name: project.name, model: model.name, fingerprint: model.fingerprint, saved_at },
      ...{ runs: project.runs.length, engines: nextEngine(project), unfinished: null },
    },
    data: {
      version: DATA_VERSION,
      settings: { ...project.settings, backend },
      results,
      ...{ selected: project.selected, recipe: project.recipe, front: knownFront(project.front), site: 0 },
      edits: project.edits,
      ...{ durations: {}, work: null, metrics: project.metrics as KeptMetrics },
    },
    files: {
      texts: textSettings(project.texts),
      measured: isMeasurable && measured_with ? textSettings(measured_with.texts) : null,
      source: sourceOf(project.source),
    },
    missing_texts: measured_with ? missing_texts : [],
  };
}

/** Ids of new runs are told apart from the file's by it. */
function nextEngine({ engines, runs }: Project): number {
  const used = runs.map(({ report: { id } }) => Number(/^(?:slice|run)-(\d+)-\d+$/.exec(id)?.[1] ?? 0));
  return Math.max(1, engines, ...used.map((engine) => engine + 1));
}

/** The built-in text stands in for one that is not there. */
function textSettings({ calibration, evaluation, ...windows }: Project['texts']): TextSettings {
  const sourceOf = (text: Project['texts']['calibration']) =>
    builtInSource((text.kind === 'built-in' && text.text) || 'prose');
  return { ...windows, calibration: sourceOf(calibration), evaluation: sourceOf(evaluation) };
}

function sourceOf(source: Project['source']): SessionFiles['source'] {
  if (source.kind === 'built-in') return { kind: 'demo' };
  return source.kind === 'hub' ? source : null;
}

function knownFront({ x, y, target, columns }: Project['front']): FrontSettings {
  const { front } = createStudioStore().getState();
  const known = (name: string): name is Quantity => (QUANTITY_NAMES as readonly string[]).includes(name);
  return {
    x: known(x) ? x : front.x,
    y: known(y) ? y : front.y,
    target,
    columns: QUANTITY_NAMES.filter((name) => columns.includes(name)),
  };
}
