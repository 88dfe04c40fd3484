/**
 * @file Builds the app into `dist/` and the headless command into `.cache/command/`. With `--if-stale` only when a source is newer
 * than the last build, so that commands which need the build can always ask for it.
 */
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const mark = join(root, 'dist', '.built');
/** As deep in the folder as its sources, because it finds `dist/` from where it lies. */
const command = join(root, '.cache', 'command');

const INPUTS = ['src', 'shaders', 'public', 'scripts', 'tools', 'vite.config.ts', 'package-lock.json'];

function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return /\.test\.tsx?$/.test(path) ? 0 : stats.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stats.mtimeMs);
}

export function isStale() {
  if (!existsSync(mark) || !existsSync(join(command, 'main.mjs'))) return true;
  const pages = readdirSync(root).filter((name) => name.endsWith('.html'));
  const built = statSync(mark).mtimeMs;
  return [...INPUTS, ...pages].some((path) => newest(join(root, path)) > built);
}

/** Its own sources in one piece; packages stay where they are. Not made small: nobody downloads it. */
const COMMAND = {
  ssr: 'src/cli/main.ts',
  outDir: command,
  target: 'node20',
  sourcemap: true,
  minify: false,
  rollupOptions: { output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' } },
};

if (!process.argv.includes('--if-stale') || isStale()) {
  const started = new Date();
  process.stderr.write('build: the app (vite build)\n');
  // Takes longer to read than all that was looked at.
  const { build } = await import('vite');
  // Vite's own log goes to stdout, where the commands that build first print nothing but their table.
  await build({ root, logLevel: 'warn' });
  await build({ root, logLevel: 'warn', configFile: false, publicDir: false, build: COMMAND });
  writeFileSync(mark, '');
  // Dated to the start: a source that changed while it was built makes the build stale.
  utimesSync(mark, started, started);
}
