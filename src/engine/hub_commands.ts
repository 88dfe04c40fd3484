/** @file The commands of the Hub: look up, download, delete; and opening what was downloaded. */
import { WhittleError } from '../errors/errors.ts';
import { readJsonObject } from '../formats/hf/config.ts';
import { Sha256 } from '../formats/sha256.ts';
import { blobSource } from '../formats/source.ts';
import { findArchitecture } from '../models/find_architecture.ts';
import type { ModelFile } from '../models/open_model.ts';
import { cachedFiles, deleteCached, holdModel, listCache } from '../platform/hub/cache.ts';
import { downloadModel } from '../platform/hub/download.ts';
import { lookUp } from '../platform/hub/lookup.ts';
import { parseHubReference } from '../platform/hub/reference.ts';
import { downloadMeter } from './hub_progress.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport } from './progress.ts';
import type { HubCache, HubKey, HubListing, HubPlan } from './protocol.ts';
import type { EngineState } from './state.ts';

export async function lookUpCommand({ hub }: EnginePlatform, name: string, signal: AbortSignal): Promise<HubListing> {
  return lookUp(hub.endpoint, parseHubReference(name, hub.endpoint), hub, signal);
}

/** The config comes first: an architecture that Whittle cannot read ends the download before any weight. */
export async function downloadCommand(
  state: EngineState,
  { hub }: EnginePlatform,
  plan: HubPlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<null> {
  // A listing or a journal of another endpoint must not send this download there.
  await downloadModel(
    { ...plan, endpoint: hub.endpoint },
    {
      ...hub,
      signal,
      createSha256: () => new Sha256(),
      onProgress: downloadMeter(emit, () => memoryReport(state)),
      async onFile(name, file) {
        if (name === 'config.json') await checkConfig(file);
      },
    },
  );
  return null;
}

async function checkConfig(file: File): Promise<void> {
  const raw = await readJsonObject(blobSource('config.json', file));
  findArchitecture(raw, 'config.json').readConfig(raw, 'config.json');
}

/** Deletes all that can be deleted; throws what the first of the others threw. */
export async function deleteCommand(keys: readonly HubKey[]): Promise<HubCache> {
  let failure: unknown;
  for (const key of keys) {
    try {
      await deleteCached(key);
    } catch (thrown) {
      if (!(thrown instanceof WhittleError)) throw thrown;
      failure ??= thrown;
    }
  }
  if (failure) throw failure;
  return listCache();
}

/** A downloaded model's files, which nobody can delete until `release` is called. Throws `missing_shard`, `hub_busy`. */
export async function holdCached(key: HubKey): Promise<{ files: ModelFile[]; release: () => void }> {
  const release = await holdModel(key);
  try {
    const folder = key.id.split('/').pop();
    const files = await cachedFiles(key);
    return { files: files.map(({ name, file }) => ({ path: `${folder}/${name}`, blob: file })), release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}
