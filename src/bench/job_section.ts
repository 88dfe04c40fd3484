/** @file The jobs of the bench: the demo on both backends, and a model of one's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchHeadless } from '../cli/browser.ts';
import { modelFiles, textFile } from '../cli/inputs.ts';
import { runJob } from '../cli/job.ts';
import type { JobInputs } from '../cli/job_types.ts';
import { parseOptions } from '../cli/options.ts';
import type { Report } from '../engine/report.ts';
import { APP, say, within } from './bench_browser.ts';
import type { BenchReport, JobFigure, ModelFigure } from './figures.ts';
import { differenceOf, jobRatio } from './job_ratio.ts';
import type { BenchOptions } from './options.ts';

/** A job that lasts longer has stopped. */
const DEMO_PATIENCE_MS = 600_000;
export const MODEL_PATIENCE_MS = 3_600_000;

export type JobFigures = Pick<
  BenchReport,
  'job' | 'job_cpu' | 'job_ratio' | 'perplexity_difference' | 'dense_perplexity_difference'
> & { memory: Report['memory'] & { share_of_f32: number } };

export async function measureJobs(): Promise<JobFigures> {
  const demo = ['--model', 'demo'];
  const webgpu = await runOn('webgpu', demo, DEMO_PATIENCE_MS);
  const cpu = await runOn('cpu', demo, DEMO_PATIENCE_MS);
  const [job, job_cpu] = [figureOf(webgpu), figureOf(cpu)];
  return {
    job,
    job_cpu,
    job_ratio: jobRatio(job.stage_ms, job_cpu.stage_ms),
    perplexity_difference: differenceOf(job.perplexity, job_cpu.perplexity),
    dense_perplexity_difference: differenceOf(job.dense_perplexity, job_cpu.dense_perplexity),
    memory: { ...webgpu.memory, share_of_f32: webgpu.memory.peak_gpu_bytes / (4 * webgpu.model.parameters) },
  };
}

/** Before minutes are spent. Throws for a model or a text that is not there. */
export function checkInputs({ model, calibration, evaluation }: BenchOptions): void {
  if (model !== undefined) modelFiles(model);
  textFile(calibration, 'calibration');
  textFile(evaluation, 'evaluation');
}

export async function measureModel({ model, calibration, evaluation }: BenchOptions): Promise<ModelFigure> {
  const given = { '--model': model, '--calibration': calibration, '--evaluation': evaluation };
  const texts = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const report = await runOn('cpu', [...texts, '--samples', '8', '--eval-samples', '8'], MODEL_PATIENCE_MS);
  const {
    model: { name, parameters },
    sliced: [{ dimension }],
    protocol,
    memory,
  } = report;
  return { name, parameters, dimension, protocol, ...figureOf(report), memory };
}

/** A whole job by 25 %, with its export verified, in a browser of its own. */
export async function runOn(backend: 'webgpu' | 'cpu', args: string[], patience: number): Promise<Report> {
  const out = await mkdtemp(join(tmpdir(), 'whittle-bench-'));
  const options = parseOptions([...args, '--backend', backend, '--out', out]);
  const model = modelFiles(options.model);
  const calibration = textFile(options.calibration, 'calibration');
  const evaluation = textFile(options.evaluation, 'evaluation');
  const browser = await launchHeadless(APP);
  try {
    const paths = model?.map(({ path }) => path);
    if (paths) await browser.choose('model', paths);
    if (calibration) await browser.choose('calibration', [calibration]);
    if (evaluation) await browser.choose('evaluation', [evaluation]);
    const source = (chosen: unknown) => ({ kind: chosen ? 'chosen' : 'demo' }) as const;
    const inputs: JobInputs = {
      model: source(model),
      paths: model?.map(({ name }) => name) ?? [],
      calibration: source(calibration),
      evaluation: source(evaluation),
    };
    const label = `${options.model === 'demo' ? 'demo job' : 'job'} on ${backend}`;
    const observer = { onStep: (step: string) => say(`${label}: ${step}`), onEvent() {} };
    const job = runJob(options, inputs, browser, observer);
    const { report, stopped, failures } = await within(patience, label, job);
    if (stopped !== undefined) throw stopped;
    if (failures.length > 0) throw new Error(`${label}: ${failures[0].error.message}`);
    return report;
  } finally {
    await browser.close();
    await rm(out, { recursive: true, force: true });
  }
}

function figureOf({ backend, timings_ms, dense, sliced }: Report): JobFigure {
  return {
    backend: backend.kind,
    stage_ms: timings_ms,
    perplexity: sliced[0].perplexity,
    dense_perplexity: dense.perplexity,
  };
}
