/** @file `npm run bench`: products, kernels, eigensolvers, precision, jobs and memory on this machine, in one run. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { formatError, toErrorData, WhittleError } from '../errors/errors.ts';
import { measureAgainst } from './against/against.ts';
import { linalgPlan, linalgTable, measureLinalg } from './against/linalg_section.ts';
import { findTorch } from './against/python.ts';
import { againstTables } from './against/tables.ts';
import { APP, openBench, say } from './bench_browser.ts';
import { measureStudio, type StudioFigures } from './drag/studio.ts';
import type { BenchReport } from './figures.ts';
import { checkInputs, measureJobs, measureModel } from './job_section.ts';
import { measureLarge } from './large/large.ts';
import { largeTables } from './large/tables.ts';
import { memoryPlans } from './memory_plans.ts';
import { measureNode, nodeTables } from './node/node.ts';
import { BENCH_USAGE, type BenchOptions, parseBenchOptions } from './options.ts';
import { measurePage } from './page_sections.ts';
import { benchPlan } from './plan.ts';
import { benchTables, studioTables } from './tables.ts';
import { targetsOf } from './targets.ts';

async function measure(options: BenchOptions): Promise<BenchReport> {
  const started = performance.now();
  const bench = await openBench();
  const page = await measurePage(bench, benchPlan(options.quick)).finally(() => bench.close());
  const jobs = await measureJobs();
  const figures = {
    ...page,
    ...jobs,
    ...(await measureStudio(APP, options.model).catch(studioFailed)),
    threads: availableParallelism(),
    quick: options.quick,
    memory: { ...jobs.memory, planned: memoryPlans() },
    ...(options.model !== undefined && { model: await measureModel(options) }),
  };
  return { ...figures, targets: targetsOf(figures), seconds: Math.round((performance.now() - started) / 1000) };
}

async function figures(options: BenchOptions): Promise<{ report: object; tables: string }> {
  if (options.node && !options.against) {
    const report = await measureNode(options.quick);
    return { report, tables: nodeTables(report) };
  }
  if (options.studio) {
    const report = await measureStudio(APP, options.model);
    return { report, tables: studioTables(report) };
  }
  if (options.large) {
    const report = await measureLarge(options.large);
    return { report, tables: largeTables(report) };
  }
  if (options.against) {
    const job = await measureAgainst(options, options.against);
    // Told at once: linear algebra takes minutes more, and who breaks it off keeps what is known.
    process.stdout.write(`${againstTables(job)}\n\n`);
    const linalg = await measureLinalg(
      linalgPlan(options.quick),
      await findTorch(options.against.python),
      job.torch.threads,
      options.node ? 'node' : 'browser',
      say,
    );
    return { report: { ...job, linalg }, tables: linalgTable(linalg) };
  }
  const report = await measure(options);
  return { report, tables: benchTables(report) };
}

/** The other figures stand without it. */
function studioFailed(thrown: unknown): StudioFigures {
  say(`the page: ${thrown instanceof Error ? thrown.message : thrown}`);
  return { opening: [], drag: [] };
}

/** Exit status: 0 measured, whatever the figures are; 2 bad arguments or bad input; 1 anything else. */
async function main(argv: string[]): Promise<number> {
  let options: BenchOptions | undefined;
  try {
    options = parseBenchOptions(argv);
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : thrown}\n\n${BENCH_USAGE}`);
    return 2;
  }
  if (!options) {
    process.stdout.write(BENCH_USAGE);
    return 0;
  }
  try {
    checkInputs(options);
    const { report, tables } = await figures(options);
    process.stdout.write(`${tables}\n`);
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`${formatError(toErrorData(thrown))}\n`);
    return thrown instanceof WhittleError && thrown.isBadInput ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
