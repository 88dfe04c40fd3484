/** @file The headless command. Exit status: 0 every export verified; 2 bad arguments or input; else 1. */
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { METRICS_FILE, MetricsLog } from '../engine/metrics/metrics.ts';
import type { TextKind } from '../engine/plan.ts';
import { REPORT_FILE } from '../engine/report.ts';
import { formatError, toErrorData, WhittleError } from '../errors/errors.ts';
import { reportHtml } from '../report/html.ts';
import { chromeTrace } from '../report/timeline/chrome_trace.ts';
import type { HeadlessBrowser } from './browser.ts';
import { comparisonTable } from './comparison.ts';
import { exportLabel, resultTable } from './format.ts';
import { htmlPage, type Seen, watched } from './html_report.ts';
import { hubNameOf } from './hub_model.ts';
import { adapterFiles, exampleFiles, imatrixFile, modelFiles, prepareOut, taskFiles, textFile } from './inputs.ts';
import { runJob } from './job.ts';
import type { JobInputs, JobResult } from './job_types.ts';
import { planText, searchText } from './method_help.ts';
import { logged } from './metrics_file.ts';
import { type CliOptions, HelpWanted, parseOptions } from './options.ts';
import type { TextInput } from './page_protocol.ts';
import { planJob } from './plan_job.ts';
import { progressOn } from './progress.ts';
import { INTERRUPTED, type SignalGuard } from './signals.ts';
import { traceOf } from './trace_path.ts';

const APP = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Options and files are looked at before a browser is started. Never throws. */
export async function command(argv: string[], signals: SignalGuard): Promise<number> {
  const progress = progressOn(process.stderr);
  try {
    const options = parseOptions(argv);
    if (options.plan) return await tellPlans(options, progress, signals);
    const first = await slice(firstOf(options), progress, signals);
    progress.done();
    const status = tell(first, options);
    if (options.repeat_on === 'none' || status !== 0) return status;
    const again = {
      ...options,
      ...{ backend: options.repeat_on, out: join(options.out, options.repeat_on) },
      ...(options.trace !== undefined && { trace: traceOf(options.trace, options.repeat_on) }),
      ...(options.html !== undefined && { html: traceOf(options.html, options.repeat_on) }),
    };
    const second = await slice(again, progress, signals);
    progress.done();
    const repeated = tell(second, again);
    process.stdout.write(`\n${comparisonTable(first.report, second.report)}`);
    return repeated;
  } catch (thrown) {
    progress.done();
    if (thrown instanceof HelpWanted) {
      process.stdout.write(thrown.text);
      return 0;
    }
    return fail(thrown);
  }
}

/**
 * The job before it is repeated: what a target size asks for is searched for once, on the backend that comes second, where
 * anything else is there to compare the two by. The search takes minutes on a software adapter, and finds the same.
 */
function firstOf(options: CliOptions): CliOptions {
  const { target, repeat_on, sparsity, recipe = [], ...rest } = options;
  const isSearchedOnce = target !== undefined && repeat_on !== 'none' && sparsity.length + recipe.length > 0;
  return isSearchedOnce ? { ...rest, repeat_on, sparsity, ...(recipe.length > 0 && { recipe }) } : options;
}

/** Prints what a job gave; returns the exit status. */
function tell({ report, failures, stopped }: JobResult, options: CliOptions): number {
  process.stdout.write(`${resultTable(report)}written to  ${relative('', options.out) || '.'}\n`);
  for (const { sparsity, recipe, choice, error } of failures) {
    const made = recipe === undefined ? 'of the model as it is' : `of "${recipe}"`;
    const of = sparsity === undefined ? made : `at sparsity ${sparsity}`;
    const verdict = error.code === 'bad_option' ? 'is not possible' : 'failed verification';
    const name = exportLabel(choice);
    process.stderr.write(`The export ${of} as ${name} ${verdict}: ${formatError(error)}\n`);
  }
  if (stopped !== undefined) return fail(stopped);
  if (failures.length === 0) return 0;
  return failures.every(({ error }) => error.code === 'bad_option') ? 2 : 1;
}

/** One message on stderr; returns the exit status. */
function fail(thrown: unknown): number {
  process.stderr.write(`${formatError(toErrorData(thrown))}\n`);
  if (!(thrown instanceof WhittleError)) return 1;
  return thrown.code === 'cancelled' ? INTERRUPTED : thrown.isBadInput ? 2 : 1;
}

/** Runs the job and writes its report, also the one of a job that ended early. */
function slice(options: CliOptions, progress: ReturnType<typeof progressOn>, signals: SignalGuard): Promise<JobResult> {
  prepareOut(options.out);
  return inBrowser(options, signals, async (browser, inputs) => {
    const log = new MetricsLog();
    const seen: Seen = { evaluations: [], sites: [] };
    const result = await runJob(options, inputs, watched(logged(browser, log), seen), progress);
    await writeFile(join(options.out, REPORT_FILE), `${JSON.stringify(result.report, null, 2)}\n`);
    if (options.trace !== undefined && result.timeline) await writeFile(options.trace, chromeTrace(result.timeline));
    await writeFile(join(options.out, METRICS_FILE), log.text());
    if (options.html !== undefined)
      await writeFile(options.html, reportHtml(htmlPage(result.report, options, seen, new Date())));
    return result;
  });
}

/** `--plan`: nothing is computed or written. Exit status 2 where a recipe is refused. */
async function tellPlans(
  options: CliOptions,
  progress: ReturnType<typeof progressOn>,
  signals: SignalGuard,
): Promise<number> {
  const { plans, search, summary, backend } = await inBrowser(options, signals, (browser, inputs) =>
    planJob(options, inputs, browser, progress),
  );
  progress.done();
  const texts = plans.map((plan) => planText(plan, summary, backend));
  process.stdout.write([...texts, ...(search ? [searchText(search, backend)] : [])].join('\n'));
  const isRefused = plans.some(({ refusals, lacks }) => refusals.length > 0 || lacks);
  return isRefused || (search && search.target_bytes < search.smallest_bytes) ? 2 : 0;
}

async function inBrowser<T>(
  options: CliOptions,
  signals: SignalGuard,
  job: (browser: HeadlessBrowser, inputs: JobInputs) => Promise<T>,
): Promise<T> {
  const hubName = hubNameOf(options);
  const base = hubName === null ? modelFiles(options.model) : null;
  const adapter = adapterFiles(options.adapter, base);
  const model = base && [...base, ...adapter];
  const calibration = textFile(options.calibration, 'calibration');
  const evaluation = textFile(options.evaluation, 'evaluation');
  const imatrix = imatrixFile(options.imatrix);
  const tasks = taskFiles(options.tasks);
  const examples = exampleFiles(options.recipe);
  // Its driver takes as long to read as all the rest.
  const { launchHeadless } = await import('./browser.ts');
  let browser: HeadlessBrowser | undefined;
  try {
    browser = await launchHeadless(APP, 'headless.html', { endpoint: options.hub_endpoint });
    signals.guard(browser);
    const files = model?.map(({ path }) => path);
    if (files) await browser.choose('model', files);
    if (calibration) await browser.choose('calibration', [calibration]);
    if (evaluation) await browser.choose('evaluation', [evaluation]);
    if (imatrix) await browser.choose('imatrix', [imatrix]);
    if (tasks.length > 0) await browser.choose('tasks', tasks);
    if (examples.length > 0) await browser.choose('examples', examples);
    const source = (chosen: unknown) => ({ kind: chosen ? 'chosen' : 'demo' }) as const;
    const inputs: JobInputs = {
      model: hubName === null ? source(model) : { kind: 'hub_name', name: hubName },
      paths: model?.map(({ name }) => name) ?? [],
      calibration: textInput(calibration, options.text_kind?.calibration),
      evaluation: textInput(evaluation, options.text_kind?.evaluation),
      ...(imatrix && { imatrix: source(imatrix) }),
      ...(tasks.length > 0 && { tasks: source(tasks) }),
      ...(examples.length > 0 && { examples: source(examples) }),
    };
    return await job(browser, inputs);
  } finally {
    await browser?.close();
  }
}

function textInput(file: string | null, of?: TextKind): TextInput {
  if (file) return { kind: 'chosen' };
  return { kind: 'demo', ...(of && { of }) };
}
