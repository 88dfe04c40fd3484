/** @file Runs as records that outlive the engine: what was reported of each, where its weights lie, and its finished exports. */

import type { TrainedAdapter } from '../../compress/train/trained_adapter.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { decodeGraph, encodeGraph } from '../../models/record/graph.ts';
import { filesOf, type ModelRecord, ModelRecorder, restoreModel } from '../../models/record/record_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { EnginePlatform, ExportFolder } from '../platform.ts';
import type { EngineState, MadeModel } from '../state.ts';
import type { KeptScratch, KeptStore, SharedScratch } from './kept_store.ts';

const VERSION = 2;
const PREFIX = 'run-';
const DENSE = 'dense';

export interface RunRecord {
  readonly version: number;
  readonly model: ModelRecord;
  /** What its last step learnt. */
  readonly adapter?: ModelRecord;
  /** `encodeGraph` of {@link Figures}. */
  readonly figures: unknown;
}

interface Figures extends Pick<MadeModel, 'run' | 'calibration' | 'evaluation'> {
  readonly exports: readonly (readonly [key: string, path: string])[];
}

interface DenseFigures extends Pick<EngineState, 'dense'> {
  readonly exports: Figures['exports'];
}

type Records = Pick<RunRecord, 'model' | 'adapter'>;

const models = new WeakMap<MadeModel, Records>();

export function runRecordName(id: string): string {
  return `${PREFIX}${id}.json`;
}

/** Writes a run down, or writes it anew after it was measured or exported. Throws `storage_full`. */
export async function keepRun(state: EngineState, platform: EnginePlatform, id: string): Promise<void> {
  const { kept } = platform;
  const made = state.runs.get(id);
  if (!kept || !made) return;
  const { run, calibration, evaluation } = made;
  const figures: Figures = { run, calibration, evaluation, exports: pathsOf(made.exports) };
  const record: RunRecord = {
    version: VERSION,
    ...(await modelRecords(state, platform, made)),
    figures: encodeGraph(figures),
  };
  await kept.write(runRecordName(id), JSON.stringify(record));
}

async function modelRecords(state: EngineState, platform: EnginePlatform, made: MadeModel): Promise<Records> {
  const known = models.get(made);
  if (known) return known;
  const copies = await platform.createScratch();
  try {
    const recorder = new ModelRecorder({ opened: state.requireModel().open.model, copies });
    const model = await recorder.record(made.model);
    const records = { model, ...(made.adapter && { adapter: await recorder.record(made.adapter) }) };
    models.set(made, records);
    made.scratch.push(copies);
    return records;
  } catch (thrown) {
    await copies.clear();
    throw thrown;
  }
}

/** Of the open model: what it was measured as, and its exports. */
export async function keepDense(state: EngineState, { kept }: EnginePlatform): Promise<void> {
  const figures: DenseFigures = { dense: state.dense, exports: pathsOf(state.denseExports) };
  await kept?.write(`${DENSE}.json`, JSON.stringify({ version: VERSION, figures: encodeGraph(figures) }));
}

export interface RestoredRun {
  readonly made: MadeModel;
  /** Of scratch files. */
  readonly files: readonly string[];
  /** Of finished exports. */
  readonly folders: readonly string[];
}

/** @returns Undefined where there is no record. Throws `bad_session`. */
export async function readRun(
  state: EngineState,
  kept: KeptStore,
  shared: SharedScratch,
  id: string,
): Promise<RestoredRun | undefined> {
  const text = await kept.read(runRecordName(id));
  if (text === undefined) return undefined;
  const { model: record, adapter: learnt, figures } = parsed<RunRecord>(text, runRecordName(id));
  const { exports, ...rest } = decodeGraph(figures) as Figures;
  const { model, scratch } = await restoredModel(state, shared, record);
  const adapter = learnt && (await restoredModel<TrainedAdapter>(state, shared, learnt));
  scratch.push(...(adapter?.scratch ?? []));
  const found = await openFolders(kept, exports);
  const made: MadeModel = { ...rest, model, adapter: adapter?.model, scratch, exports: found };
  models.set(made, { model: record, ...(learnt && { adapter: learnt }) });
  return {
    made,
    files: [record, ...(learnt ? [learnt] : [])].flatMap(filesOf),
    folders: [...found.values()].map(({ path }) => path),
  };
}

/** A model, or a part of one, whose scratch files have one more user. */
export async function restoredModel<T = MadeModel['model']>(
  state: EngineState,
  shared: SharedScratch,
  record: ModelRecord,
): Promise<{ model: T; scratch: ScratchStore[] }> {
  const opened = new Map<string, KeptScratch>();
  try {
    for (const file of filesOf(record)) opened.set(file, await shared.use(file));
    const model = restoreModel<T>(record, state.requireModel().open.model, (place) =>
      (opened.get(place.file) as KeptScratch).slot(place),
    );
    return { model, scratch: [...opened.values()] };
  } catch (thrown) {
    // The files stay: what cannot be read now may be readable with the right model.
    throw thrown instanceof WhittleError ? thrown : badRecord('a run', toErrorData(thrown).message);
  }
}

/** Brings back what was measured of the open model. @returns Folders of its exports. */
export async function readDense(state: EngineState, kept: KeptStore): Promise<string[]> {
  const text = await kept.read(`${DENSE}.json`);
  if (text === undefined) return [];
  const { dense, exports } = decodeGraph(parsed<RunRecord>(text, `${DENSE}.json`).figures) as DenseFigures;
  state.dense = dense;
  for (const [key, folder] of await openFolders(kept, exports)) state.denseExports.set(key, folder);
  return [...state.denseExports.values()].map(({ path }) => path);
}

/** Names of run records that are there. */
export async function keptRuns(kept: KeptStore): Promise<string[]> {
  const names = await kept.names();
  return names.flatMap((name) =>
    name.startsWith(PREFIX) && name.endsWith('.json') ? [name.slice(PREFIX.length, -'.json'.length)] : [],
  );
}

function pathsOf(exports: ReadonlyMap<string, ExportFolder>): [string, string][] {
  return [...exports].map(([key, { path }]) => [key, path]);
}

async function openFolders(kept: KeptStore, exports: Figures['exports']): Promise<Map<string, ExportFolder>> {
  const found = new Map<string, ExportFolder>();
  for (const [key, path] of exports) {
    const folder = await kept.openExportFolder(path).catch(() => undefined);
    if (folder) found.set(key, folder);
  }
  return found;
}

export function parsed<T extends { version: number }>(text: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRecord(file, 'it is no JSON');
  }
  const { version } = (value ?? {}) as { version?: unknown };
  if (version !== VERSION) throw badRecord(file, `it has version ${String(version)}`);
  return value as T;
}

function badRecord(file: string, reason: string): WhittleError {
  return new WhittleError({
    code: 'bad_session',
    message: `What was stored of ${file} cannot be read: ${reason}.`,
    allowed: `records of version ${VERSION}`,
    action: 'Its figures stay; make the run again to export it.',
  });
}
