/**
 * @file `npm test`: lint, types, Vitest, build, Playwright. Every step runs even when one before it failed, so that one
 * run tells everything; the last line sums both test runners, and the exit status is 0 only when all steps passed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const results = join(root, '.cache', 'test');

function bin(name, entry = name) {
  const manifest = join(root, 'node_modules', name, 'package.json');
  const { bin: bins } = JSON.parse(readFileSync(manifest, 'utf8'));
  return join(dirname(manifest), typeof bins === 'string' ? bins : bins[entry]);
}

const failedSteps = [];

/** What a step ended with, and when it began. */
function report(name, started, status, signal) {
  process.stdout.write(
    `── ${name}: ${status === 0 ? 'passed' : `FAILED (${signal ?? `exit status ${status}`})`} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  );
  if (status !== 0) failedSteps.push(name);
}

function step(name, script, args, env = {}) {
  process.stdout.write(`\n── ${name}\n`);
  const started = Date.now();
  const { status, signal } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  report(name, started, status, signal);
}

/** Steps of one thread each, beside one another; each one's output is shown whole, in their order. */
async function together(steps) {
  const running = steps.map(([name, script, args]) => {
    const started = Date.now();
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.push(bytes));
    const ended = new Promise((resolve) => {
      child.on('error', (error) => resolve({ status: null, signal: error.message, output, ms: Date.now() - started }));
      child.on('close', (status, signal) => resolve({ status, signal, output, ms: Date.now() - started }));
    });
    return { name, ended };
  });
  for (const { name, ended } of running) {
    const { status, signal, output, ms } = await ended;
    process.stdout.write(`\n── ${name}\n`);
    process.stdout.write(Buffer.concat(output));
    report(name, Date.now() - ms, status, signal);
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** A file that could not even be imported has no test to count: it counts as one failure. */
function countVitest(report) {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function countPlaywright(report) {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const { expected, unexpected, flaky, skipped } = report.stats;
  return { passed: expected + flaky, failed: unexpected + report.errors.length, skipped };
}

rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const unitFile = join(results, 'vitest.json');
const e2eFile = join(results, 'playwright.json');

await together([
  ['lint', bin('@biomejs/biome', 'biome'), ['check', '.']],
  ['layers', bin('dependency-cruiser', 'depcruise'), ['--config', '.dependency-cruiser.mjs', 'src']],
  ['types', bin('typescript', 'tsc'), ['--noEmit']],
]);
step('unit tests', bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${unitFile}`]);
step('build', join(root, 'scripts', 'build.mjs'), ['--if-stale']);
step('first load', join(root, 'scripts', 'sizes.mjs'), []);
step('end-to-end tests', bin('@playwright/test', 'playwright'), ['test', '--reporter=list,json'], {
  PLAYWRIGHT_JSON_OUTPUT_FILE: e2eFile,
});

const counts = [countVitest(readJson(unitFile)), countPlaywright(readJson(e2eFile))];
const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
const skipped = sum('skipped');
if (failedSteps.length) process.stdout.write(`\nFailed: ${failedSteps.join(', ')}\n`);
process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped ? `, ${skipped} skipped` : ''}\n`);
process.exit(failedSteps.length ? 1 : 0);
