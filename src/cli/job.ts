/**
 * @file The headless job: open, measure the dense model, then slice, measure, export and save at every sparsity. It
 * drives the engine through a {@link Driver} and knows nothing of browsers.
 */
import { basename, join, resolve } from 'node:path';
import type {
  BackendInfo,
  EngineEvent,
  ExportReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
} from '../engine/protocol.ts';
import { buildReport, type Report, type ReportInput, type ReportTimings } from '../engine/report.ts';
import { type ErrorData, WhittleError } from '../errors/errors.ts';
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
}

type SlicedRun = ReportInput['sliced'][number];

const percent = (share: number) => `${Number((share * 100).toFixed(3))} %`;

/** Folder of one export: the out folder itself for a single sparsity, `s0.25` in it for one of several. */
export function exportFolder(options: Pick<CliOptions, 'out' | 'sparsity'>, sparsity: number): string {
  return options.sparsity.length === 1 ? options.out : join(options.out, `s${sparsity}`);
}

export async function runJob(
  options: CliOptions,
  inputs: JobInputs,
  driver: Driver,
  observer: JobObserver,
): Promise<JobResult> {
  const steps = 2 + options.sparsity.length;
  const watch = stopwatch();
  const onEvent = (event: EngineEvent) => observer.onEvent(event);

  observer.onStep('load', 1, steps);
  const backend: BackendInfo = await driver.run('start', { backend: options.backend }, onEvent);
  const summary: ModelSummary = await driver.run(
    'open',
    { source: inputs.model, folder: basename(resolve(options.model)) },
    onEvent,
  );
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

  const sliced: SlicedRun[] = [];
  const failures: JobResult['failures'] = [];
  for (const [index, sparsity] of options.sparsity.entries()) {
    observer.onStep(`slice ${percent(sparsity)}`, 3 + index, steps);
    const { round, schedule, fusion, head } = options;
    const slice = await driver.run('slice', { sparsity, round, schedule, fusion, head }, onEvent);
    watch.lap('calibration_and_slicing');
    const evaluation = await driver.run('evaluate', { target: slice.id }, onEvent);
    watch.lap('evaluation');
    const run: SlicedRun = { slice, evaluation };
    sliced.push(run);
    try {
      run.exported = await driver.run('export', { id: slice.id, external_data: 'auto' }, onEvent);
      await saveExport(run.exported, exportFolder(options, sparsity), driver);
    } catch (thrown) {
      if (!(thrown instanceof WhittleError) || thrown.code !== 'verification_failed') throw thrown;
      failures.push({ sparsity, error: thrown.toData() });
    }
    watch.lap('export');
    if (run.exported) watch.move('export', 'verification', run.exported.duration_ms.verification);
    await driver.run('discard', { id: slice.id });
  }
  const memory = await driver.run('memory', {});
  const timings_ms = watch.finish();
  return { report: buildReport({ summary, protocol, backend, dense, sliced, timings_ms, memory }), failures };
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
