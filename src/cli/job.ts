/**
 * @file The headless job: open, measure the dense model, then slice, measure, export and save at every sparsity, or
 * export the model as it is. It drives the engine through a {@link Driver} and knows nothing of browsers.
 */
import { parseRecipe, type Recipe } from '../compress/recipe/recipe.ts';
import { slicingRecipe } from '../engine/plan.ts';
import type {
  BackendInfo,
  EngineEvent,
  MemoryReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
  RunReport,
  SolveReport,
  SolveTarget,
  StepInput,
} from '../engine/protocol.ts';
import { buildReport } from '../engine/report.ts';
import { askDense, askRun } from './ask.ts';
import type { Driver } from './browser.ts';
import { downloadByName } from './hub_model.ts';
import { checkRecipes, checkSettings, plannedRecipes, takeExamples } from './job_checks.ts';
import { exportAll } from './job_exports.ts';
import type { JobInputs, JobObserver, JobResult, Outcomes, RunningJob } from './job_types.ts';
import { plannedMemory } from './memory_facts.ts';
import type { CliOptions } from './options.ts';
import type { PageRequest } from './page_protocol.ts';
import { stopwatch } from './stopwatch.ts';

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

const percent = (share: number) => `${Number((share * 100).toFixed(3))} %`;

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
  const before = inputs.model.kind === 'hub_name' ? 1 : 0;
  const { sparsity: shares, recipe: recipes = [] } = options;
  const made = shares.length + recipes.length + (options.target ? 1 : 0);
  const steps = before + 2 + Math.max(1, made);
  let memory: MemoryReport = { current_gpu_bytes: 0, peak_gpu_bytes: 0 };
  const onEvent = (event: EngineEvent) => {
    if (event.type === 'progress') memory = event.memory;
    observer.onEvent(event);
  };

  let source: PageRequest<'open'>['source'];
  if (inputs.model.kind === 'hub_name') {
    observer.onStep('download', 1, steps);
    source = await downloadByName(inputs.model.name, options.hub_endpoint, driver, onEvent);
  } else {
    source = inputs.model;
  }
  // The network's speed is no part of what is measured.
  const watch = stopwatch();
  observer.onStep('load', before + 1, steps);
  const backend: BackendInfo = await driver.run(
    'start',
    { backend: options.backend, ...(options.trace !== undefined && { timeline: true }) },
    onEvent,
  );
  const summary: ModelSummary = await driver.run('open', { source, paths: inputs.paths }, onEvent);
  for (const warning of summary.warnings) observer.onFact?.(`warning     ${oneLine(warning)}`);
  checkSettings(options, summary);
  await takeExamples(inputs, driver, observer);
  await checkRecipes(recipes, options.format, driver, observer);
  const protocol: ProtocolReport = await driver.run(
    'set_texts',
    {
      calibration: inputs.calibration,
      evaluation: inputs.evaluation,
      samples: options.samples,
      eval_samples: options.eval_samples,
      seqlen: options.seqlen,
      ...(options.bos && { bos: options.bos }),
    },
    onEvent,
  );
  if (inputs.imatrix) {
    const taken = await driver.run('set_imatrix', { source: inputs.imatrix });
    if (taken)
      observer.onFact?.(
        `importance  ${taken.name}, ${taken.tokens} tokens of ${taken.datasets.join(', ') || 'a text'}`,
      );
  }
  if (inputs.tasks) {
    const limit = options.task_limit;
    const tasks = await driver.run('set_tasks', { source: inputs.tasks, ...(limit !== undefined && { limit }) });
    for (const { task, form, examples } of tasks)
      observer.onFact?.(
        `task        ${task}, ${examples === 1 ? 'one example' : `${examples} examples`} in the form of ${form}`,
      );
  }
  watch.lap('load');
  const planned = await plannedRecipes(options, recipes, driver);
  // Before minutes are spent: a prompt may be one that this model does not take.
  const prompt = await askDense(options.prompt, summary, driver, onEvent);
  watch.lap('dense_evaluation');
  for (const line of plannedMemory(options, summary, protocol, backend, planned)) observer.onFact?.(line);

  observer.onStep('dense', before + 2, steps);
  const dense: PerplexityReport = await driver.run('evaluate', { target: 'dense' }, onEvent);
  const scored = async (target: string) => (inputs.tasks ? (await driver.run('score', { target }, onEvent)).tasks : []);
  const dense_tasks = await scored('dense');
  watch.lap('dense_evaluation');

  const made_so_far = { runs: [], dense_exports: [], failures: [] };
  const job: RunningJob = { options, driver, onEvent, watch, ask: prompt?.request, scored, ...made_so_far };
  const ended: Pick<JobResult, 'stopped'> = {};
  try {
    if (options.imatrix_out !== undefined) await saveImatrix(job, options.imatrix_out);
    for (const [index, sparsity] of options.sparsity.entries()) {
      observer.onStep(`slice ${percent(sparsity)}`, before + 3 + index, steps);
      await sliceAndExport(job, sparsity);
    }
    for (const [index, recipe] of recipes.entries()) {
      observer.onStep(recipe.text, before + 3 + shares.length + index, steps);
      await compressAndExport(job, recipe, index);
    }
    if (options.target) {
      observer.onStep('the best recipe of the target size', before + 3 + shares.length + recipes.length, steps);
      await solveAndExport(job, options.target, recipes.length);
    }
    if (made === 0 && options.format.length > 0) {
      observer.onStep('export', before + 3, steps);
      await exportAll(job, 'dense', job.dense_exports);
    }
  } catch (thrown) {
    ended.stopped = thrown;
  }
  // A page that is lost cannot be asked; its last progress told the peak until then.
  memory = await driver.run('memory', {}).catch(() => memory);
  const timings_ms = watch.finish();
  const { runs, dense_exports, failures } = job;
  const found = { summary, protocol, backend, dense, dense_tasks, dense_exports, runs, timings_ms, memory };
  const asked = prompt && { prompt: prompt.figures };
  const report = buildReport({ ...found, ...asked, ...(planned.length > 0 && { planned }) });
  const timeline = options.trace === undefined ? undefined : await driver.run('timeline', {}).catch(() => undefined);
  return { report, failures, ...(timeline && { timeline }), ...ended };
}

/** The calibration text's importance matrix of the open model. */
async function saveImatrix({ driver, onEvent, watch }: RunningJob, path: string): Promise<void> {
  const { folder, file } = await driver.run('write_imatrix', {}, onEvent);
  await driver.save(folder, file, path);
  watch.lap('compression');
}

/** One sparsity. */
async function sliceAndExport(job: RunningJob, sparsity: number): Promise<void> {
  const { round, schedule, fusion, head } = job.options;
  const made = await makeRun(job, slicingRecipe({ sparsity, round, schedule, fusion, head }).steps);
  await exportAll(job, made.run.id, made.exports, sparsity);
  await job.driver.run('discard', { id: made.run.id });
}

/** One recipe. */
async function compressAndExport(job: RunningJob, recipe: Recipe, index: number, solver?: SolveReport): Promise<void> {
  // The text as the person wrote it: defaults that were filled in are in the steps.
  const made = await makeRun(job, recipe.steps, { recipe: recipe.text, ...(solver && { solver }) });
  await exportAll(job, made.run.id, made.exports, undefined, { text: recipe.text, index });
  await job.driver.run('discard', { id: made.run.id });
}

/** Made, measured, asked, and put into `runs`: its exports are added as they come. */
async function makeRun(job: RunningJob, steps: readonly StepInput[], named: Partial<RunReport> = {}) {
  const { driver, onEvent, watch } = job;
  const run = await driver.run('compress', { steps }, onEvent);
  watch.lap('compression');
  const evaluation = await driver.run('evaluate', { target: run.id }, onEvent);
  const tasks = await job.scored(run.id);
  watch.lap('evaluation');
  const text = await askRun(job.ask, driver, run.id, onEvent);
  watch.lap('evaluation');
  const exports: Outcomes = [];
  const made = { run: { ...run, ...named }, evaluation, tasks, ...text, exports };
  job.runs.push(made);
  return made;
}

/** The best recipe of a size, made and exported as any other. */
async function solveAndExport(job: RunningJob, target: SolveTarget, index: number): Promise<void> {
  const { driver, onEvent, options } = job;
  const [format = 'onnx'] = options.format;
  const solver = await driver.run('solve', { target, format }, onEvent);
  await compressAndExport(job, parseRecipe(solver.candidates[0].recipe), index, solver);
}
