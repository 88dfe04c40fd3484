/**
 * @file The headless job: open, measure the dense model, then slice, measure, export and save at every sparsity, or
 * export the model as it is. It drives the engine through a {@link Driver} and knows nothing of browsers.
 */
import { join } from 'node:path';
import { makeRecipe, parseRecipe, type Recipe } from '../compress/recipe/recipe.ts';
import { resolveHead, sliceDimension } from '../engine/plan.ts';
import type {
  BackendInfo,
  EngineEvent,
  ExportReport,
  MemoryReport,
  ModelSummary,
  PerplexityReport,
  PlannedMemory,
  PlanReport,
  ProtocolReport,
  SolvePlan,
  SolveReport,
  SolveTarget,
  TaskScore,
} from '../engine/protocol.ts';
import {
  buildReport,
  type FailedExport,
  type Report,
  type RunInput,
  type SlicedInput,
  type StageTimings,
} from '../engine/report.ts';
import { type ErrorData, toErrorData, WhittleError } from '../errors/errors.ts';
import type { Span } from '../pulse/timeline.ts';
import { type Asked, askDense, askRun } from './ask.ts';
import type { Driver } from './browser.ts';
import { downloadByName } from './hub_model.ts';
import { plannedMemory } from './memory_facts.ts';
import { type CliOptions, type ExportChoice, exportChoices } from './options.ts';
import type { InputSource, PageRequest } from './page_protocol.ts';

export interface JobInputs {
  model: InputSource | { kind: 'hub_name'; name: string };
  /** Paths of the chosen model's files as the engine shall see them, its folder's name first. */
  paths: string[];
  calibration: InputSource;
  evaluation: InputSource;
  imatrix?: InputSource;
  tasks?: InputSource;
}

/** What a job tells while it runs. */
export interface JobObserver {
  /** `step` counts commands from 1; `label` is for people. */
  onStep(label: string, step: number, steps: number): void;
  onEvent(event: EngineEvent): void;
  /** A line that stays. */
  onFact?(line: string): void;
}

export interface JobResult {
  report: Report;
  /** Exports that were refused or failed verification; the job goes on with the next. */
  failures: ExportFailure[];
  /** What was done when, where a trace is wanted. */
  timeline?: readonly Span[];
  /** What ended the job early, as it was thrown; the report then holds what was finished before. */
  stopped?: unknown;
}

export interface ExportFailure {
  /** Absent for an export of the model as it is, and of what a recipe made. */
  sparsity?: number;
  /** What was made, as text. */
  recipe?: string;
  choice: ExportChoice;
  error: ErrorData;
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

const percent = (share: number) => `${Number((share * 100).toFixed(3))} %`;

/**
 * Folder of one export: the out folder itself, in it `s0.25` for one of several sparsities or `r1` for a recipe, and in that `onnx-int4` for
 * one of several exports: their configs and reports differ, so each folder is complete by itself.
 */
export function exportFolder(
  options: CliOptions,
  sparsity: number | undefined,
  choice: ExportChoice,
  recipe?: number,
): string {
  const { format, precision } = choice;
  const isOne = exportChoices(options).length === 1;
  return join(
    options.out,
    recipe === undefined ? '' : `r${recipe + 1}`,
    sparsity !== undefined && options.sparsity.length + (options.recipe?.length ?? 0) > 1 ? `s${sparsity}` : '',
    isOne ? '' : precision === 'stored' ? format : `${format}-${precision}`,
  );
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
      observer.onFact?.(`task        ${task}, ${examples} examples in the form of ${form}`);
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

  const made_so_far = { sliced: [], runs: [], dense_exports: [], failures: [] };
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
  const { sliced, runs, dense_exports, failures } = job;
  const found = { summary, protocol, backend, dense, dense_tasks, dense_exports, sliced, runs, timings_ms, memory };
  const asked = prompt && { prompt: prompt.figures };
  const report = buildReport({ ...found, ...asked, ...(planned.length > 0 && { planned }) });
  const timeline = options.trace === undefined ? undefined : await driver.run('timeline', {}).catch(() => undefined);
  return { report, failures, ...(timeline && { timeline }), ...ended };
}

/** What each recipe will need, and the search for one. Throws `bad_option` for a target in a format that holds none. */
async function plannedRecipes(
  { target, format: [format = 'onnx'] }: CliOptions,
  recipes: readonly Recipe[],
  driver: Driver,
): Promise<PlannedMemory[]> {
  const planned: PlannedMemory[] = [];
  for (const { steps } of recipes) {
    const { memory } = await driver.run('plan', { steps });
    if (memory) planned.push(memory);
  }
  const search = target && (await driver.run('plan_solve', { target, format }));
  if (search?.memory) planned.push(search.memory);
  return planned;
}

/** The calibration text's importance matrix of the open model. */
async function saveImatrix({ driver, onEvent, watch }: RunningJob, path: string): Promise<void> {
  const { folder, file } = await driver.run('write_imatrix', {}, onEvent);
  await driver.save(folder, file, path);
  watch.lap('compression');
}

/** Every sparsity, before minutes are spent on the first. Throws `bad_option` or `not_sliceable`. */
function checkSettings({ sparsity, round, head }: CliOptions, { architecture, shape }: ModelSummary): void {
  if (sparsity.length === 0) return;
  if (shape.slicing_refusal !== undefined) {
    throw new WhittleError({
      code: 'not_sliceable',
      message: `${architecture} cannot be sliced by SliceGPT. ${shape.slicing_refusal}`,
      place: { field: '--sparsity' },
      action: 'To measure and export the model as it is, give --sparsity none.',
    });
  }
  resolveHead(head, shape);
  for (const share of sparsity) sliceDimension(shape.hidden_size, share, round);
}

interface RunningJob {
  options: CliOptions;
  driver: Driver;
  onEvent: (event: EngineEvent) => void;
  watch: Stopwatch;
  /** What every run is asked to write. */
  ask?: Asked;
  /** On the tasks, where there are some. */
  scored: (target: string) => Promise<TaskScore[]>;
  /** What is finished. */
  sliced: SlicedInput[];
  runs: RunInput[];
  dense_exports: Outcomes;
  failures: ExportFailure[];
}

type Outcomes = (ExportReport | FailedExport)[];

/** One sparsity, put into `sliced` as soon as it is measured. */
async function sliceAndExport(job: RunningJob, sparsity: number): Promise<void> {
  const { options, driver, onEvent, watch } = job;
  const { round, schedule, fusion, head } = options;
  const slice = await driver.run('slice', { sparsity, round, schedule, fusion, head }, onEvent);
  watch.lap('compression');
  const evaluation = await driver.run('evaluate', { target: slice.id }, onEvent);
  const tasks = await job.scored(slice.id);
  watch.lap('evaluation');
  const text = await askRun(job.ask, driver, slice.id, onEvent);
  watch.lap('evaluation');
  const exports: Outcomes = [];
  job.sliced.push({ slice, evaluation, tasks, exports });
  if (slice.run) job.runs.push({ run: slice.run, evaluation, tasks, ...text, exports });
  await exportAll(job, slice.id, exports, sparsity);
  await driver.run('discard', { id: slice.id });
}

/** One recipe, put into `runs` as soon as it is measured; one slicing is among the `sliced`, too. */
async function compressAndExport(job: RunningJob, recipe: Recipe, index: number, solver?: SolveReport): Promise<void> {
  const { driver, onEvent, watch } = job;
  const run = await driver.run('compress', { steps: recipe.steps }, onEvent);
  watch.lap('compression');
  const evaluation = await driver.run('evaluate', { target: run.id }, onEvent);
  const tasks = await job.scored(run.id);
  watch.lap('evaluation');
  const text = await askRun(job.ask, driver, run.id, onEvent);
  watch.lap('evaluation');
  const exports: Outcomes = [];
  // The text as the person wrote it: defaults that were filled in are in the steps.
  const named = { ...run, recipe: recipe.text, ...(solver && { solver }) };
  job.runs.push({ run: named, evaluation, tasks, ...text, exports });
  if (run.slice) job.sliced.push({ slice: run.slice, evaluation, tasks, exports });
  await exportAll(job, run.id, exports, undefined, { text: recipe.text, index });
  await driver.run('discard', { id: run.id });
}

/** The best recipe of a size, made and exported as any other. */
async function solveAndExport(job: RunningJob, target: SolveTarget, index: number): Promise<void> {
  const { driver, onEvent, options } = job;
  const [format = 'onnx'] = options.format;
  const solver = await driver.run('solve', { target, format }, onEvent);
  await compressAndExport(job, parseRecipe(solver.candidates[0].recipe), index, solver);
}

/** Every recipe, before minutes are spent on the first, and what their files cannot hold. Throws `bad_option` or `not_sliceable`. */
async function checkRecipes(
  recipes: readonly Recipe[],
  formats: CliOptions['format'],
  driver: Driver,
  observer: JobObserver,
): Promise<void> {
  const told = new Set<string>();
  for (const recipe of recipes) {
    const { refusals, files } = await driver.run('plan', { steps: recipe.steps, formats });
    for (const { format, notes } of files) for (const note of notes) told.add(`note: ${format}: ${note}`);
    if (refusals.length === 0) continue;
    const [{ step, reason }] = refusals;
    throw new WhittleError({
      code: 'bad_option',
      message: `This model does not permit the step "${step}" of "${recipe.text}": ${reason.replace(/\.$/, '')}.`,
      place: { field: '--recipe' },
      action: 'Leave the step out, or open another model. --plan tells what every recipe would make.',
    });
  }
  for (const note of told) observer.onFact?.(note);
}

/** What every recipe will make of the model; nothing is computed. */
export async function planJob(
  options: CliOptions,
  inputs: JobInputs,
  driver: Driver,
  observer: JobObserver,
): Promise<{ plans: PlanReport[]; search?: SolvePlan; summary: ModelSummary; backend: BackendInfo }> {
  const { model } = inputs;
  const onEvent = observer.onEvent;
  const source =
    model.kind === 'hub_name' ? await downloadByName(model.name, options.hub_endpoint, driver, onEvent) : model;
  const backend = await driver.run('start', { backend: options.backend }, onEvent);
  const summary = await driver.run('open', { source, paths: inputs.paths }, onEvent);
  const { seqlen, samples, eval_samples } = options;
  const windows = { seqlen, samples, eval_samples };
  const { round, schedule, fusion, head } = options;
  const slicings = options.sparsity.map((sparsity) =>
    makeRecipe([{ method: 'slicegpt', options: { sparsity, round, schedule, fusion, head } }]),
  );
  const plans: PlanReport[] = [];
  for (const recipe of [...slicings, ...(options.recipe ?? [])]) {
    const plan = await driver.run('plan', { steps: recipe.steps, formats: options.format, windows }, onEvent);
    plans.push({ ...plan, recipe: recipe.text });
  }
  const {
    target,
    format: [format = 'onnx'],
  } = options;
  const search = target && (await driver.run('plan_solve', { target, format, windows }, onEvent));
  return { plans, ...(search && { search }), summary, backend };
}

/** All exports of one model. What cannot be written, or computes something else, does not stop the others. */
async function exportAll(
  job: RunningJob,
  id: string,
  outcomes: Outcomes,
  sparsity?: number,
  recipe?: { text: string; index: number },
): Promise<void> {
  const { options, driver, onEvent, watch } = job;
  for (const choice of exportChoices(options)) {
    try {
      const exported = await driver.run('export', { id, options: choice }, onEvent);
      await saveExport(exported, exportFolder(options, sparsity, choice, recipe?.index), driver);
      outcomes.push(exported);
      watch.lap('export');
      watch.move('export', 'verification', exported.duration_ms.verification);
    } catch (thrown) {
      watch.lap('export');
      const error = toErrorData(thrown);
      outcomes.push({ options: choice, error: error.message });
      if (error.code !== 'verification_failed' && error.code !== 'bad_option') throw thrown;
      job.failures.push({ sparsity, ...(recipe && { recipe: recipe.text }), choice, error });
    }
  }
}

async function saveExport(exported: ExportReport, folder: string, driver: Driver): Promise<void> {
  if (!exported.verified) {
    throw new WhittleError({
      code: 'verification_failed',
      message: `The file has perplexity ${exported.perplexity}, the app ${exported.perplexity_in_app}.`,
      place: { file: exported.folder },
      action: 'Nothing of it was saved. Try another --format or --precision, or --backend cpu; and please report this.',
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
  const laps: StageTimings = {
    load: 0,
    dense_evaluation: 0,
    compression: 0,
    evaluation: 0,
    export: 0,
    verification: 0,
    total: 0,
  };
  return {
    lap(stage: keyof StageTimings) {
      const now = performance.now();
      laps[stage] += now - last;
      last = now;
    },
    move(from: keyof StageTimings, to: keyof StageTimings, duration: number) {
      laps[from] -= duration;
      laps[to] += duration;
    },
    finish(): StageTimings {
      laps.total = performance.now() - started;
      const rounded = { ...laps };
      for (const stage of Object.keys(rounded) as (keyof StageTimings)[]) rounded[stage] = Math.round(laps[stage]);
      return rounded;
    },
  };
}
