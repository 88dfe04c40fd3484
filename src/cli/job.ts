/**
 * @file The headless job: open, measure the dense model, then slice, measure, export and save at every sparsity. It
 * drives the engine through a {@link Driver} and knows nothing of browsers.
 */
import { basename, join, resolve } from 'node:path';
import { resolveHead, sliceDimension } from '../engine/plan.ts';
import type {
  BackendInfo,
  EngineEvent,
  ExportReport,
  MemoryReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
} from '../engine/protocol.ts';
import { buildReport, type Report, type ReportTimings, type SlicedInput } from '../engine/report.ts';
import { type ErrorData, toErrorData, WhittleError } from '../errors/errors.ts';
import type { Driver } from './browser.ts';
import type { CliOptions } from './options.ts';
import type { InputSource } from './page_protocol.ts';

export interface JobInputs {
  model: InputSource;
  calibration: InputSource;
  evaluation: InputSource;
}

/** What a job tells while it runs. */
export interface JobObserver {
  /** `step` counts commands from 1; `label` is for people. */
  onStep(label: string, step: number, steps: number): void;
  onEvent(event: EngineEvent): void;
}

export interface JobResult {
  report: Report;
  /** Exports that failed verification; the job goes on with the next sparsity. */
  failures: { sparsity: number; error: ErrorData }[];
  /** What ended the job early, as it was thrown; the report then holds what was finished before. */
  stopped?: unknown;
}

const percent = (share: number) => `${Number((share * 100).toFixed(3))} %`;

/** Folder of one export: the out folder itself for a single sparsity, `s0.25` in it for one of several. */
export function exportFolder(options: Pick<CliOptions, 'out' | 'sparsity'>, sparsity: number): string {
  return options.sparsity.length === 1 ? options.out : join(options.out, `s${sparsity}`);
}

/**
 * Rejects where nothing was measured yet: bad input, impossible settings, a fault before the dense perplexity. What goes
 * wrong later is in the result as `stopped`, beside the report on all that was finished.
 */
export async function runJob(
  options: CliOptions,
  inputs: JobInputs,
  driver: Driver,
  observer: JobObserver,
): Promise<JobResult> {
  const steps = 2 + options.sparsity.length;
  const watch = stopwatch();
  let memory: MemoryReport = { current_gpu_bytes: 0, peak_gpu_bytes: 0 };
  const onEvent = (event: EngineEvent) => {
    if (event.type === 'progress') memory = event.memory;
    observer.onEvent(event);
  };

  observer.onStep('load', 1, steps);
  const backend: BackendInfo = await driver.run('start', { backend: options.backend }, onEvent);
  const summary: ModelSummary = await driver.run(
    'open',
    { source: inputs.model, folder: basename(resolve(options.model)) },
    onEvent,
  );
  checkSettings(options, summary);
  const protocol: ProtocolReport = await driver.run(
    'set_texts',
    {
      calibration: inputs.calibration,
      evaluation: inputs.evaluation,
      samples: options.samples,
      eval_samples: options.eval_samples,
      seqlen: options.seqlen,
    },
    onEvent,
  );
  watch.lap('load');

  observer.onStep('dense', 2, steps);
  const dense: PerplexityReport = await driver.run('evaluate', { target: 'dense' }, onEvent);
  watch.lap('dense_evaluation');

  const sliced: SlicedInput[] = [];
  const failures: JobResult['failures'] = [];
  const ended: Pick<JobResult, 'stopped'> = {};
  try {
    for (const [index, sparsity] of options.sparsity.entries()) {
      observer.onStep(`slice ${percent(sparsity)}`, 3 + index, steps);
      const error = await sliceAndExport(options, sparsity, driver, onEvent, watch, sliced);
      if (error) failures.push({ sparsity, error });
    }
  } catch (thrown) {
    ended.stopped = thrown;
  }
  // A page that is lost cannot be asked; its last progress told the peak until then.
  memory = await driver.run('memory', {}).catch(() => memory);
  const timings_ms = watch.finish();
  return { report: buildReport({ summary, protocol, backend, dense, sliced, timings_ms, memory }), failures, ...ended };
}

/** Every sparsity, before minutes are spent on the first. Throws `bad_option`. */
function checkSettings({ sparsity, round, head }: CliOptions, { shape }: ModelSummary): void {
  resolveHead(head, shape);
  for (const share of sparsity) sliceDimension(shape.hidden_size, share, round);
}

/** One sparsity, put into `sliced` as soon as it is measured. Returns why its export failed verification, if it did. */
async function sliceAndExport(
  options: CliOptions,
  sparsity: number,
  driver: Driver,
  onEvent: (event: EngineEvent) => void,
  watch: Stopwatch,
  sliced: SlicedInput[],
): Promise<ErrorData | undefined> {
  const { round, schedule, fusion, head } = options;
  const slice = await driver.run('slice', { sparsity, round, schedule, fusion, head }, onEvent);
  watch.lap('calibration_and_slicing');
  const evaluation = await driver.run('evaluate', { target: slice.id }, onEvent);
  watch.lap('evaluation');
  const run: SlicedInput = { slice, evaluation };
  sliced.push(run);
  let failure: ErrorData | undefined;
  try {
    const exported = await driver.run('export', { id: slice.id }, onEvent);
    await saveExport(exported, exportFolder(options, sparsity), driver);
    run.exports = [exported];
  } catch (thrown) {
    failure = toErrorData(thrown);
    run.export_error = failure.message;
    if (failure.code !== 'verification_failed') throw thrown;
  }
  watch.lap('export');
  for (const { duration_ms } of run.exports ?? []) watch.move('export', 'verification', duration_ms.verification);
  await driver.run('discard', { id: slice.id });
  return failure;
}

async function saveExport(exported: ExportReport, folder: string, driver: Driver): Promise<void> {
  if (!exported.verified) {
    throw new WhittleError({
      code: 'verification_failed',
      message: `onnxruntime-web gives perplexity ${exported.perplexity}, the app ${exported.perplexity_in_app}.`,
    });
  }
  for (const file of exported.files) {
    // The report over the whole job stands in its place when the folders are the same.
    await driver.save(exported.folder, file, join(folder, file.name));
  }
}

type Stopwatch = ReturnType<typeof stopwatch>;

/** Wall-clock milliseconds by stage; `total` is everything. */
function stopwatch() {
  const started = performance.now();
  let last = started;
  const laps: ReportTimings = {
    load: 0,
    dense_evaluation: 0,
    calibration_and_slicing: 0,
    evaluation: 0,
    export: 0,
    verification: 0,
    total: 0,
  };
  return {
    lap(stage: keyof ReportTimings) {
      const now = performance.now();
      laps[stage] += now - last;
      last = now;
    },
    move(from: keyof ReportTimings, to: keyof ReportTimings, duration: number) {
      laps[from] -= duration;
      laps[to] += duration;
    },
    finish(): ReportTimings {
      laps.total = performance.now() - started;
      const rounded = { ...laps };
      for (const stage of Object.keys(rounded) as (keyof ReportTimings)[]) rounded[stage] = Math.round(laps[stage]);
      return rounded;
    },
  };
}
