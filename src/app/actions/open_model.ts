/** @file Opening a model: facts at once, then the dense perplexity, then the spectra. */
import type { CommandKind, Fusion, ModelSource, ModelSummary } from '../../engine/protocol.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import type { PickedFile } from '../../platform/dropped_files.ts';
import { nearestExports } from '../store/exports.ts';
import { withoutSteps } from '../store/job.ts';
import { addSite, missingMeasures, NO_RESULTS, withTexts } from '../store/results.ts';
import { changeResults, changeSettings } from '../store/store.ts';
import { areTextsChanged } from '../store/texts.ts';
import { AT_ONCE_S, mayTakeLong, measureSeconds } from '../store/times.ts';
import type { Studio } from '../studio.ts';
import { mayReplace } from './ask.ts';
import { isOccupied, type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

const MEASURE_STEPS = [
  { command: 'set_texts', label: 'Tokenising the texts' },
  { command: 'evaluate', label: 'Perplexity of the dense model' },
  { command: 'calibrate', label: 'Spectra of every site' },
] as const;

const [TEXT_STEP, ...DENSE_STEPS] = MEASURE_STEPS;
const TRIAL_STEP = { command: 'measure_time', label: 'Trying the first layer' } as const;
const OPEN_STEPS = [{ command: 'open', label: 'Reading headers' } as const, TEXT_STEP, TRIAL_STEP, ...DENSE_STEPS];

export async function openModel(studio: Studio, source: ModelSource): Promise<void> {
  studio.attempted = source;
  await runJob(studio, 'open', 'Opening the model', OPEN_STEPS, async (job) => {
    const session = await studio.keeper?.next();
    const model = await job.run('open', { source, ...(session && { session }) }, (event) => {
      if (event.type === 'facts') studio.store.setState({ opening: event.facts });
    });
    if (session) await studio.keeper?.entered(session);
    studio.preview_wanted = false;
    studio.awaited = null;
    studio.store.setState(({ results, settings, front, sessions }) => ({
      settings: { ...settings, export: nearestExports(settings.export, model) },
      results: { ...NO_RESULTS, backend: results.backend, examples: results.examples, tasks: results.tasks, model },
      site: 0,
      selected: null,
      // A size that a link named waits for its model; another model's says nothing of this one.
      front: { ...front, target: results.model ? null : front.target },
      ...{ memory: null, long_measure_s: null, opening: null, source },
      sessions: { ...sessions, name: null, waiting: null, reading: null, kept: 'no' },
    }));
    if (!isSliceable(studio)) studio.store.setState(({ job }) => ({ job: withoutSteps(job, 'calibrate') }));
    await setTexts(studio, job);
    if (await isTooLong(studio, job, model)) return;
    await evaluateDense(studio, job);
    if (isSliceable(studio)) await calibrate(studio, job);
  });
  // Of one that could not be opened.
  studio.store.setState({ opening: null });
  await previewIfWanted(studio);
}

/** Where measuring would take long, the person is told how long, and begins it; then nothing of it is a step of this job. */
async function isTooLong({ store }: Studio, job: Job, model: ModelSummary): Promise<boolean> {
  const leaveOut = (...commands: CommandKind[]) =>
    store.setState((state) => ({ job: commands.reduce(withoutSteps, state.job) }));
  if (!mayTakeLong(model, store.getState().settings.texts)) {
    leaveOut('measure_time');
    return false;
  }
  const seconds = measureSeconds(await job.run('measure_time', {}), model.shape.slicing_refusal === undefined);
  if (seconds < AT_ONCE_S) return false;
  leaveOut('evaluate', 'calibrate');
  store.setState({ long_measure_s: seconds });
  return true;
}

/** Nothing is calibrated for a model that cannot be sliced. */
function isSliceable({ store }: Studio): boolean {
  return store.getState().results.model?.shape.slicing_refusal === undefined;
}

/**
 * Opens what was dropped or picked. Nothing at all is opened too, and refused by the engine in its words; a drop that
 * cannot be read becomes the failure of the opening.
 */
export async function openFiles(studio: Studio, picked: PickedFile[] | Promise<PickedFile[]>): Promise<void> {
  let files: PickedFile[];
  try {
    files = await picked;
    const mayBeElse = files.length > 0 && files.every(({ file }) => MAY_BE_ELSE.test(file.name));
    if (mayBeElse && (await (await import('./dropped.ts')).takeDropped(studio, files))) return;
  } catch (cause) {
    studio.attempted = null;
    await runJob(studio, 'open', 'Opening the model', OPEN_STEPS, () => Promise.reject(unreadable(cause)));
    return;
  }
  if (studio.awaited) return studio.awaited(files);
  await openAsked(studio, { kind: 'files', files }, nameOf(files));
}

/** Of files that are no weights, and where only such came no model may be meant: what is looked into. */
const MAY_BE_ELSE = /\.(?:jsonl?|txt|text|md|raw)$|imatrix/i;

/** A folder's name, or that of what was picked. */
function nameOf(files: readonly PickedFile[]): string {
  const [folder, ...rest] = files[0]?.path.split('/') ?? [];
  if (folder === undefined) return 'another model';
  return rest.length > 0 || files.length === 1 ? folder : `${files.length} files`;
}

/** Opens a model in place of the open one, asking first where work would go with that. Resolves to whether it was opened. */
export async function openAsked(studio: Studio, source: ModelSource, name: string): Promise<boolean> {
  const { model } = studio.store.getState().results;
  const title = model ? `Open ${name} in place of ${model.name}?` : `Open ${name}?`;
  if (!(await mayReplace(studio, title, 'Open'))) return false;
  await openModel(studio, source);
  return true;
}

function unreadable(cause: unknown): WhittleError {
  const reason = toErrorData(cause).message;
  return new WhittleError(
    {
      code: 'not_a_model',
      message: `The browser could not read what was dropped: ${reason}`,
      action: 'See that the folder and its files can be read and still lie there, or pick them with Files or Folder.',
    },
    { cause },
  );
}

/** Measures the dense model again, after the texts changed. Earlier runs stay, with the protocol they were made by. */
export async function measureAgain(studio: Studio): Promise<void> {
  if (!studio.store.getState().results.model || isOccupied(studio)) return;
  const steps = isSliceable(studio) ? MEASURE_STEPS : MEASURE_STEPS.slice(0, 2);
  await runJob(studio, 'measure', 'Measuring the dense model', steps, (job) => measureDense(studio, job));
  await previewIfWanted(studio);
}

/**
 * Measures what a cancelled or failed job left out, or what waited for the person: the dense perplexity, the spectra of the
 * chosen fusion, or both. Where no figure has them yet, with the texts as they are chosen now.
 */
export async function measureMissing(studio: Studio): Promise<void> {
  const state = studio.store.getState();
  const { results, settings } = state;
  if (!results.protocol || (results.dense === null && areTextsChanged(state))) return measureAgain(studio);
  const missing = missingMeasures(results, settings.fusion);
  if (!missing || isOccupied(studio)) return;
  const [, evaluate, calibration] = MEASURE_STEPS;
  const steps = [...(missing.dense ? [evaluate] : []), ...(missing.spectra ? [calibration] : [])];
  await runJob(studio, 'measure', missing.dense ? 'Measuring the dense model' : 'Calibrating', steps, async (job) => {
    if (missing.dense) await evaluateDense(studio, job);
    if (missing.spectra) await calibrate(studio, job);
  });
  await previewIfWanted(studio);
}

async function setTexts({ store }: Studio, job: Job): Promise<void> {
  const { texts } = store.getState().settings;
  const protocol = await job.run('set_texts', texts);
  changeResults(store, (results) => withTexts(results, protocol, texts));
}

async function measureDense(studio: Studio, job: Job): Promise<void> {
  await setTexts(studio, job);
  await evaluateDense(studio, job);
  if (isSliceable(studio)) await calibrate(studio, job);
}

async function evaluateDense({ store }: Studio, job: Job): Promise<void> {
  store.setState({ long_measure_s: null });
  const dense = await job.run('evaluate', { target: 'dense' });
  changeResults(store, (results) => ({ ...results, dense }));
}

/** PCA of every site on the dense model: what the slider reads, and the bases of `rotate-once`. */
export async function calibrate(studio: Studio, job: Job): Promise<void> {
  const { store } = studio;
  const { fusion } = store.getState().settings;
  const report = await job.run('calibrate', { fusion }, (event) => {
    if (event.type === 'site') changeResults(store, (results) => addSite(results, event.site, fusion));
  });
  changeResults(store, (results) => ({
    ...results,
    spectra: { fusion: report.fusion, sites: report.sites, is_complete: true },
  }));
}

/** Spectra under another fusion; perplexities do not depend on it. Nothing happens while another job runs. */
export async function chooseFusion(studio: Studio, fusion: Fusion): Promise<void> {
  if (isOccupied(studio)) return;
  changeSettings(studio.store, { fusion });
  if (studio.store.getState().results.model) await measureMissing(studio);
}

/**
 * Takes another backend, and opens the model there again: figures of two backends are never mixed. Nothing happens while
 * another job runs.
 */
export async function chooseBackend(studio: Studio, backend: 'auto' | 'webgpu' | 'cpu'): Promise<void> {
  if (isOccupied(studio)) return;
  const { store } = studio;
  changeSettings(store, { backend });
  const isStarted = await startBackend(studio);
  const { source, results } = store.getState();
  if (isStarted && source && results.model) await openModel(studio, source);
}

/** As {@link chooseBackend}, asking first where work would go with the other backend. */
export async function changeBackend(studio: Studio, backend: 'auto' | 'webgpu' | 'cpu'): Promise<void> {
  if (isOccupied(studio)) return;
  const title = 'Open the model anew on another backend?';
  if (await mayReplace(studio, title, 'Change', true)) await chooseBackend(studio, backend);
}

export async function startBackend(studio: Studio): Promise<boolean> {
  const { store } = studio;
  const { backend } = store.getState().settings;
  const steps = [{ command: 'start', label: 'Looking for an adapter' }] as const;
  return runJob(studio, 'start', 'Starting', steps, async (job) => {
    const info = await job.run('start', { backend });
    changeResults(store, (results) => ({ ...results, backend: info }));
  });
}
