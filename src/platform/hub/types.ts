/** @file What the Hub part speaks of. Plain data: it crosses the Worker boundary and lies in journals. */

/** One file of a commit. The Hub gives SHA-256 for large files and git's own object id for the others. */
export interface HubFile {
  /** Path inside the repository. */
  path: string;
  bytes: number;
  sha256?: string;
  /** SHA-1 of `blob SIZE\0` and the content, as git names it. */
  git_sha1?: string;
}

/** One set of files that makes a model: all of safetensors, or one GGUF file. */
export interface HubChoice {
  /** Stable within a commit: "safetensors", or the path of the weights. */
  key: string;
  kind: 'safetensors' | 'gguf';
  files: HubFile[];
  bytes: number;
  /** Why it cannot be opened, where that is known before anything is downloaded. */
  problem?: string;
}

/** What a model's name stands for at this moment. */
export interface HubListing {
  endpoint: string;
  id: string;
  /** As the person gave it; `commit` is what it means now. */
  revision: string;
  commit: string;
  license?: string;
  architecture?: string;
  choices: HubChoice[];
}

/** Names one downloaded model. */
export interface HubKey {
  id: string;
  commit: string;
  choice: string;
}

/** All that a download needs, also after a reload. */
export interface HubPlan extends HubKey {
  endpoint: string;
  revision: string;
  files: HubFile[];
}

export interface HubCacheEntry {
  plan: HubPlan;
  bytes: number;
  /** Bytes on disk, checked or not yet. */
  held_bytes: number;
  is_complete: boolean;
  /** When it was last opened or downloaded, in ms since 1970. */
  used_at: number;
}

export interface HubCache {
  entries: HubCacheEntry[];
}

export function planOf({ endpoint, id, revision, commit }: HubListing, choice: HubChoice): HubPlan {
  return { endpoint, id, revision, commit, choice: choice.key, files: choice.files };
}

export function isSameModel(a: HubKey, b: HubKey): boolean {
  return a.id === b.id && a.commit === b.commit && a.choice === b.choice;
}

export function totalBytes(files: readonly HubFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
