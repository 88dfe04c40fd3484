/** @file Opening a model: facts at once, then the dense perplexity, then the spectra. */
import type { Fusion, ModelSource } from '../../engine/protocol.ts';
import { addSite, NO_RESULTS, withTexts } from '../store/results.ts';
import { changeResults, changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

const MEASURE_STEPS = [
  { command: 'set_texts', label: 'Tokenising the texts' },
  { command: 'evaluate', label: 'Perplexity of the dense model' },
  { command: 'calibrate', label: 'Spectra of every site' },
] as const;

/** The source that is open, kept so that another backend can open it again. */
const sources = new WeakMap<Studio, ModelSource>();

export async function openModel(studio: Studio, source: ModelSource): Promise<void> {
  const steps = [{ command: 'open', label: 'Reading headers' } as const, ...MEASURE_STEPS];
  await runJob(studio, 'open', 'Opening the model', steps, async (job) => {
    const model = await job.run('open', { source });
    sources.set(studio, source);
    studio.preview_wanted = false;
    studio.store.setState(({ results }) => ({
      results: { ...NO_RESULTS, backend: results.backend, model },
      site: 0,
    }));
    await measureDense(studio, job);
  });
  await previewIfWanted(studio);
}

/** Measures the dense model again, after the texts changed. Earlier runs stay, with the protocol they were made by. */
export async function measureAgain(studio: Studio): Promise<void> {
  if (!studio.store.getState().results.model) return;
  await runJob(studio, 'measure', 'Measuring the dense model', MEASURE_STEPS, (job) => measureDense(studio, job));
  await previewIfWanted(studio);
}

async function measureDense(studio: Studio, job: Job): Promise<void> {
  const { store } = studio;
  const { texts } = store.getState().settings;
  const protocol = await job.run('set_texts', texts);
  changeResults(store, (results) => withTexts(results, protocol, texts));
  const dense = await job.run('evaluate', { target: 'dense' });
  changeResults(store, (results) => ({ ...results, dense }));
  await calibrate(studio, job);
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

/** Spectra under another fusion; perplexities do not depend on it. */
export async function chooseFusion(studio: Studio, fusion: Fusion): Promise<void> {
  const { store } = studio;
  changeSettings(store, { fusion });
  const { model, spectra } = store.getState().results;
  if (!model || spectra?.fusion === fusion) return;
  const steps = [{ command: 'calibrate', label: 'Spectra of every site' }] as const;
  await runJob(studio, 'measure', 'Calibrating', steps, (job) => calibrate(studio, job));
  await previewIfWanted(studio);
}

/** Takes another backend, and opens the model there again: figures of two backends are never mixed. */
export async function chooseBackend(studio: Studio, backend: 'auto' | 'webgpu' | 'cpu'): Promise<void> {
  const { store } = studio;
  changeSettings(store, { backend });
  const isStarted = await startBackend(studio);
  const source = sources.get(studio);
  if (isStarted && source && store.getState().results.model) await openModel(studio, source);
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
