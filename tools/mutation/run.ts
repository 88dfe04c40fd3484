/**
 * @file Mutation testing by samples: changes one place of one file at a time and runs the tests that import it, the nearest
 * first, until one fails. `npx tsx tools/mutation/run.ts OUT.jsonl [--per-file N] [--tests N] [--minutes N] [--seed N] FOLDER…`
 *
 * Works on the files themselves and puts each back, so run it in a clone of its own. A line of OUT for each mutant; what OUT
 * has already is not run again.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importersOf, testsOf } from './imports.ts';
import { type Mutant, mutantsOf, sample } from './mutants.ts';

const TIMEOUT_MS = 300_000;

/** They take minutes, and say little that nearer tests do not. */
const LONG = /reference|solver|families_|seven_billion|smollm2|onnx\/|webgpu|malformed|llama_cpp|transformers/;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'per-file': { type: 'string', default: '2' },
    tests: { type: 'string', default: '8' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});
const [out, ...folders] = positionals;
const root = resolve(import.meta.dirname, '..', '..');
const importers = importersOf(root);
const key = ({ file, start, text }: Mutant) => `${file}:${start}:${text}`;
const done = new Set(
  existsSync(out)
    ? readFileSync(out, 'utf8')
        .trim()
        .split('\n')
        .map((line) => key(JSON.parse(line)))
    : [],
);

const files = [...importers.keys()]
  .map((path) => relative(root, path))
  .filter((path) => folders.some((folder) => path.startsWith(folder)) && !path.endsWith('.test.ts'))
  .sort();
/** Puts back the file that is changed right now. */
let putBack = () => {};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    putBack();
    process.exit(1);
  });
}
const until = Date.now() + 60_000 * Number(values.minutes);

// One mutant of every file before the second of any, so that a run that ends early has seen all files.
const picked = files.map((file, i) =>
  sample(mutantsOf(file, readFileSync(join(root, file), 'utf8')), Number(values['per-file']), Number(values.seed) + i),
);
for (let round = 0; round < Number(values['per-file']); round++) {
  for (const mutants of picked) {
    const mutant = mutants[round];
    if (!mutant || done.has(key(mutant)) || Date.now() > until) continue;
    const result = { ...mutant, ...(await tryMutant(mutant)) };
    appendFileSync(out, `${JSON.stringify(result)}\n`);
    process.stderr.write(`${result.outcome.padEnd(9)} ${mutant.file}:${mutant.line}  ${mutant.change}\n`);
  }
}

async function tryMutant({ file, start, end, text }: Mutant) {
  const path = join(root, file);
  const source = readFileSync(path, 'utf8');
  const all = testsOf(path, importers).filter((test) => !LONG.test(relative(root, test)));
  // The file's own test, if it has one, knows it best.
  const own = join(dirname(path), basename(path).replace(/\.ts$/, '.test.ts'));
  const tests = [...new Set([...all.filter((test) => test === own), ...all])].slice(0, Number(values.tests));
  const counts = { tests: tests.length, of: all.length };
  if (tests.length === 0) return { outcome: 'untested', ...counts };
  putBack = () => writeFileSync(path, source);
  try {
    writeFileSync(path, source.slice(0, start) + text + source.slice(end));
    return { outcome: await outcomeOf(tests), ...counts };
  } finally {
    putBack();
  }
}

/** The tests' processes are a group of their own, so that none outlives its time. */
function outcomeOf(tests: readonly string[]): Promise<'killed' | 'survived' | 'timeout'> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--bail=1', '--maxWorkers=1', '--reporter=dot', ...tests];
  const run = spawn(process.execPath, args, { cwd: root, stdio: 'ignore', detached: true });
  return new Promise((settle) => {
    const watch = setTimeout(() => {
      process.kill(-(run.pid as number), 'SIGKILL');
      settle('timeout');
    }, TIMEOUT_MS);
    run.on('exit', (status) => {
      clearTimeout(watch);
      settle(status === 0 ? 'survived' : 'killed');
    });
  });
}
