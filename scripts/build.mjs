/**
 * @file Builds the app into `dist/`. With `--if-stale` only when a source is newer than the last build, so that commands
 * which serve the build can always ask for it.
 */
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const mark = join(root, 'dist', '.built');

const INPUTS = ['src', 'shaders', 'public', 'tools', 'vite.config.ts', 'package-lock.json'];

function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return /\.test\.tsx?$/.test(path) ? 0 : stats.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stats.mtimeMs);
}

export function isStale() {
  if (!existsSync(mark)) return true;
  const pages = readdirSync(root).filter((name) => name.endsWith('.html'));
  const built = statSync(mark).mtimeMs;
  return [...INPUTS, ...pages].some((path) => newest(join(root, path)) > built);
}

if (!process.argv.includes('--if-stale') || isStale()) {
  const started = new Date();
  process.stderr.write('build: the app (vite build)\n');
  // Vite's own log goes to stdout, where the commands that build first print nothing but their table.
  await build({ root, logLevel: 'warn' });
  writeFileSync(mark, '');
  // Dated to the start: a source that changed while it was built makes the build stale.
  utimesSync(mark, started, started);
}
