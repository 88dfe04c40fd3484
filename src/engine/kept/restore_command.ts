/**
 * @file Command `restore`: brings the session's runs back into an engine that has opened the same model, after a reload, a
 * closed tab or a Worker that died. What no run needs any more is removed from the storage.
 */
import { toErrorData } from '../../errors/errors.ts';
import { trainingRecord } from '../checkpoints.ts';
import type { EnginePlatform } from '../platform.ts';
import type { RestoreReport, RestoreRequest } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { checkpointFiles, readCheckpoint, unfinishedOf } from './checkpoints.ts';
import { SharedScratch } from './kept_store.ts';
import { keptRuns, readDense, readRun, runRecordName } from './run_records.ts';

export async function restoreCommand(
  state: EngineState,
  platform: EnginePlatform,
  { runs, keep_exports = [] }: RestoreRequest,
): Promise<RestoreReport> {
  const { kept } = platform;
  if (!kept) return { restored: [], lost: runs.map((id) => ({ id })), unfinished: null };
  state.requireModel();
  const shared = new SharedScratch(kept);
  state.shared = shared;
  const restored: string[] = [];
  const lost: RestoreReport['lost'] = [];
  const files = new Set<string>();
  const folders = new Set<string>(keep_exports);
  for (const path of await readDense(state, kept).catch(() => [])) folders.add(path);
  for (const id of runs) {
    if (state.runs.has(id)) continue;
    try {
      const found = await readRun(state, kept, shared, id);
      if (!found) {
        lost.push({ id });
        continue;
      }
      state.runs.set(id, found.made);
      restored.push(id);
      for (const file of found.files) files.add(file);
      for (const folder of found.folders) folders.add(folder);
    } catch (thrown) {
      lost.push({ id, error: toErrorData(thrown) });
    }
  }
  const unfinished = await readCheckpoint(platform);
  for (const file of unfinished ? checkpointFiles(unfinished) : []) files.add(file);
  const training = await trainingRecord(kept);
  for (const { file } of training?.places ?? []) files.add(file);
  for (const id of await keptRuns(kept)) if (!runs.includes(id)) await kept.remove(runRecordName(id));
  await kept.sweep(files, folders);
  return { restored, lost, unfinished: unfinished && unfinishedOf(unfinished) };
}
