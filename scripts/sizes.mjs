/**
 * @file What the first load of the built studio takes, gzipped: the page's JavaScript, and the engine's Worker with
 * either backend. Fails above the limits. What comes later (charts, formats, methods, exporters) is fetched when it is used.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** In kB of 1,000 bytes. */
const LIMITS = { page: 110, worker: 150 };
const STATIC_IMPORT = /(?:^|[;}\s])(?:import|export)\s*(?:[^'"();]*?\bfrom\s*)?["']\.\/([^"']+\.js)["']/g;

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const assets = readdirSync(join(dist, 'assets'));

function read(name) {
  return readFileSync(join(dist, 'assets', name));
}

/** These files and all that they cannot start without. */
function closure(names) {
  const found = new Set();
  const open = [...names];
  while (open.length > 0) {
    const name = open.pop();
    if (found.has(name)) continue;
    found.add(name);
    for (const [, next] of read(name).toString().matchAll(STATIC_IMPORT)) open.push(next);
  }
  return found;
}

function kilobytes(names) {
  return [...names].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0) / 1000;
}

function entry(stem) {
  const found = assets.filter((name) => name.replace(/-[\w-]{8}\.js$/, '') === stem);
  if (found.length !== 1)
    throw new Error(`dist/assets has ${found.length} files named ${stem}-*.js, and should have one.`);
  return found[0];
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const page = closure([...html.matchAll(/(?:src|href)="[^"]*\/([^"/]+\.js)"/g)].map(([, path]) => basename(path)));
const alone = closure([entry('worker')]);
const sizes = [['page', kilobytes(page), LIMITS.page]];
for (const [label, stems] of [
  ['CPU', ['wasm_backend', 'compute_threads']],
  ['WebGPU', ['webgpu_backend']],
]) {
  const all = closure([...alone, ...stems.map(entry)]);
  sizes.push([`engine Worker with its ${label} backend`, kilobytes(all), LIMITS.worker]);
}

for (const [label, size, limit] of sizes) {
  const state = size > limit ? 'TOO MUCH' : 'ok';
  process.stdout.write(`${label}: ${size.toFixed(1)} kB gzip, at most ${limit}: ${state}\n`);
}
process.stdout.write(`engine Worker alone: ${kilobytes(alone).toFixed(1)} kB gzip\n`);
process.exit(sizes.some(([, size, limit]) => size > limit) ? 1 : 0);
