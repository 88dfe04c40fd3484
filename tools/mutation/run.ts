/**
 * @file Mutation testing by samples: changes one place of one file at a time and runs the tests that import it, the nearest
 * first, until one fails. `npx tsx tools/mutation/run.ts OUT.jsonl [--per-file N] [--tests N] [--minutes N] [--seed N] FOLDER…`
 *
 * With `--again` it runs what survived in OUT on the tests that come next, the long ones at last.
 *
 * Works on the files themselves and puts each back, so run it in a clone of its own. A line of OUT for each mutant; what OUT
 * has already is not run again.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importersOf, testsOf } from './imports.ts';
import { type Mutant, mutantsOf, sample } from './mutants.ts';
import { type Outcome, TestRuns } from './tests.ts';

interface Result extends Mutant, Outcome {
  /** That ran, of those that import the file. */
  readonly tests: number;
  readonly of: number;
}

const TIMEOUT_MS = 150_000;

/** They take minutes, and say little that nearer tests do not. */
const LONG = /reference|solver|families_|seven_billion|smollm2|onnx\/|webgpu|malformed|llama_cpp|transformers/;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'per-file': { type: 'string', default: '2' },
    tests: { type: 'string', default: '8' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
  },
});
const [out, ...folders] = positionals;
const root = resolve(import.meta.dirname, '..', '..');
const importers = importersOf(root);
const key = ({ file, start, text }: Mutant) => `${file}:${start}:${text}`;
/** By key; a later line takes the place of an earlier one. */
const known = new Map<string, Result>();
for (const line of existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n') : []) {
  const result: Result = JSON.parse(line);
  known.set(key(result), result);
}

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
const runs = await TestRuns.start(root);
const until = Date.now() + 60_000 * Number(values.minutes);

// One mutant of every file before the second of any, and the files in a seeded order: a run that ends early has seen a sample.
const seed = Number(values.seed);
const picked = sample(
  files.map((file, i) =>
    sample(mutantsOf(file, readFileSync(join(root, file), 'utf8')), Number(values['per-file']), seed + i),
  ),
  files.length,
  seed,
);
const fresh = Array.from({ length: Number(values['per-file']) }, (_, round) =>
  picked.flatMap((each) => each[round] ?? []),
)
  .flat()
  .filter((mutant) => !known.has(key(mutant)));
const survivors = [...known.values()].filter(({ file, outcome }) => outcome === 'survived' && files.includes(file));
for (const mutant of values.again ? survivors : fresh) {
  if (Date.now() > until) break;
  const result: Result = { ...mutant, ...(await tryMutant(mutant, known.get(key(mutant))?.tests ?? 0)) };
  appendFileSync(out, `${JSON.stringify(result)}\n`);
  process.stderr.write(`${result.outcome.padEnd(9)} ${mutant.file}:${mutant.line}  ${mutant.change}\n`);
}
await runs.close();

/** @param behind Tests that it survived before. */
async function tryMutant({ file, start, end, text }: Mutant, behind: number) {
  const path = join(root, file);
  const source = readFileSync(path, 'utf8');
  const reach = nearestFirst(path, testsOf(path, importers));
  const isLong = (test: string) => LONG.test(relative(root, test));
  const order = [...reach.filter((test) => !isLong(test)), ...(values.again ? reach.filter(isLong) : [])];
  const tests = order.slice(behind, behind + Number(values.tests));
  const counts = { tests: behind + tests.length, of: reach.length };
  if (tests.length === 0) return { outcome: behind > 0 ? 'survived' : 'untested', ...counts } as const;
  putBack = () => writeFileSync(path, source);
  try {
    writeFileSync(path, source.slice(0, start) + text + source.slice(end));
    return { ...(await runs.outcome(path, tests, TIMEOUT_MS)), ...counts };
  } finally {
    putBack();
  }
}

/** The file's own test, then those of its folder, which know it best; then as imports reach them. */
function nearestFirst(path: string, tests: readonly string[]): string[] {
  const own = join(dirname(path), basename(path).replace(/\.ts$/, '.test.ts'));
  const distance = (test: string) => (test === own ? 0 : dirname(test) === dirname(path) ? 1 : 2);
  return [...tests].sort((a, b) => distance(a) - distance(b));
}
