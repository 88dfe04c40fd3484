/** @file `npm run slice` and `npm run demo`. Exit status: 0 every export verified; 2 bad arguments or input; else 1. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPORT_FILE } from '../engine/report.ts';
import { formatError, toErrorData, WhittleError } from '../errors/errors.ts';
import { type HeadlessBrowser, launchHeadless } from './browser.ts';
import { resultTable } from './format.ts';
import { modelFiles, prepareOut, textFile } from './inputs.ts';
import { type JobResult, runJob } from './job.ts';
import { type CliOptions, HelpWanted, parseOptions, USAGE } from './options.ts';
import { progressOn } from './progress.ts';

const APP = fileURLToPath(new URL('../../dist/', import.meta.url));

/** What a shell reports for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** A cancelled engine gets this long to let go of its memory. */
const CANCEL_GRACE_MS = 5000;

async function main(argv: string[]): Promise<number> {
  const progress = progressOn(process.stderr);
  try {
    const options = parseOptions(argv);
    const { report, failures } = await slice(options, progress);
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`);
    progress.done();
    process.stdout.write(`${resultTable(report)}written to  ${relative('', options.out) || '.'}\n`);
    for (const { sparsity, error } of failures) {
      process.stderr.write(`The export at sparsity ${sparsity} failed verification: ${formatError(error)}\n`);
    }
    return failures.length ? 1 : 0;
  } catch (thrown) {
    progress.done();
    if (thrown instanceof HelpWanted) {
      process.stdout.write(USAGE);
      return 0;
    }
    process.stderr.write(`${formatError(toErrorData(thrown))}\n`);
    if (!(thrown instanceof WhittleError)) return 1;
    return thrown.code === 'cancelled' ? INTERRUPTED : thrown.isBadInput ? 2 : 1;
  }
}

async function slice(options: CliOptions, progress: ReturnType<typeof progressOn>): Promise<JobResult> {
  const model = modelFiles(options.model);
  const calibration = textFile(options.calibration, 'calibration');
  const evaluation = textFile(options.evaluation, 'evaluation');
  prepareOut(options.out);
  const browser = await launchHeadless(APP);
  const stop = cancelOnSignal(browser);
  try {
    if (model) await browser.choose('model', model);
    if (calibration) await browser.choose('calibration', [calibration]);
    if (evaluation) await browser.choose('evaluation', [evaluation]);
    const source = (chosen: unknown) => ({ kind: chosen ? 'chosen' : 'demo' }) as const;
    const inputs = { model: source(model), calibration: source(calibration), evaluation: source(evaluation) };
    return await runJob(options, inputs, browser, progress);
  } finally {
    stop();
    await browser.close();
  }
}

/** The first Ctrl-C cancels the job, which then ends by itself; a second one, or a job that does not, ends everything. */
function cancelOnSignal(browser: HeadlessBrowser): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onSignal = () => {
    if (timer) process.exit(INTERRUPTED);
    process.stderr.write('\ncancelling …\n');
    timer = setTimeout(() => void browser.close().finally(() => process.exit(INTERRUPTED)), CANCEL_GRACE_MS);
    void browser.cancel().catch(() => undefined);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return () => {
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
}

process.exitCode = await main(process.argv.slice(2));
