/**
 * @file What a browser's page really takes: memory of the processes of this command's Chromium, as Linux tells it, several
 * times a second. A page with all its Workers is one renderer process. Other systems tell nothing here.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SAMPLE_MS = 200;
/** Processes come and go seldom. */
const SEARCH_EVERY = 10;

export interface ProcessPeaks {
  /** Most of all renderers together: private memory and what threads share. */
  page_bytes: number;
  /** What the job was at when it was most. */
  page_at: string;
  /** Most that the page's private file system took on disk. */
  storage_bytes: number;
}

export interface ProcessMeter {
  /** Since the start. */
  readonly most: ProcessPeaks;
  /** Since the last {@link restart}. */
  readonly now: ProcessPeaks;
  restart(): void;
  /** A sample of everything at once: before a stage's peaks are taken. */
  look(): void;
  stop(): void;
}

/** @param stage Asked at every sample. Undefined where there is no /proc. */
export function watchBrowser(stage: () => string): ProcessMeter | undefined {
  if (!existsSync('/proc/self/status')) return undefined;
  const nothing = (): ProcessPeaks => ({ page_bytes: 0, page_at: '', storage_bytes: 0 });
  const most = nothing();
  const now = nothing();
  let found: Browser = { renderers: [] };
  let samples = 0;
  const sample = (isSearched: boolean) => {
    if (isSearched) found = browserOf(process.pid);
    const page_bytes = found.renderers.reduce((sum, pid) => sum + ownBytes(pid), 0);
    const storage_bytes = isSearched && found.profile ? bytesIn(join(found.profile, 'Default', 'File System')) : 0;
    for (const peaks of [most, now]) {
      if (page_bytes > peaks.page_bytes) Object.assign(peaks, { page_bytes, page_at: stage() });
      peaks.storage_bytes = Math.max(peaks.storage_bytes, storage_bytes);
    }
  };
  const timer = setInterval(() => sample(samples++ % SEARCH_EVERY === 0), SAMPLE_MS);
  const restart = () => void Object.assign(now, nothing());
  return { most, now, restart, look: () => sample(true), stop: () => clearInterval(timer) };
}

interface Browser {
  renderers: number[];
  profile?: string;
}

/** Among all that this process started, and what that started. */
function browserOf(root: number): Browser {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // "pid (name) state ppid …", where the name may hold anything.
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isOurs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  const browser: Browser = { renderers: [] };
  for (const pid of parents.keys()) {
    if (pid === root || !isOurs(pid)) continue;
    const command = read(`/proc/${pid}/cmdline`).split('\0').join(' ');
    if (command.includes('--type=renderer')) browser.renderers.push(pid);
    browser.profile ??= /--user-data-dir=(\S+)/.exec(command)?.[1];
  }
  return browser;
}

/** Without what it maps from files, such as the browser's own program. */
function ownBytes(pid: number): number {
  let kilobytes = 0;
  for (const [, value] of read(`/proc/${pid}/status`).matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)) {
    kilobytes += Number(value);
  }
  return 1024 * kilobytes;
}

/** On disk: holes of a file take nothing. */
function bytesIn(path: string): number {
  try {
    const stats = statSync(path);
    if (!stats.isDirectory()) return 512 * stats.blocks;
    return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
  } catch {
    // Removed meanwhile.
    return 0;
  }
}

/** Empty for a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
