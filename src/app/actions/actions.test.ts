import { describe, expect, it, vi } from 'vitest';
import type { ExportReport } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { sizePoints } from '../charts/chart_data.ts';
import { missingMeasures } from '../store/results.ts';
import { shownCurves } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { MODEL, PROTOCOL, perplexityReport, siteReport, sliceReport, studioWith, untilCancelled } from '../testing.ts';
import { discardRun } from './discard_run.ts';
import { exportRun } from './export_run.ts';
import { cancelJob } from './job.ts';
import {
  chooseBackend,
  chooseFusion,
  measureAgain,
  measureMissing,
  openFiles,
  openModel,
  startBackend,
} from './open_model.ts';
import { preview } from './preview.ts';
import { selectRun } from './select.ts';
import { slice, sweep } from './slice.ts';

const DEMO = { kind: 'demo' } as const;
const EXPORT: ExportReport = {
  id: 'slice-1',
  folder: 'exports/slice-1',
  files: [],
  verified: true,
  perplexity: 79.8,
  perplexity_in_app: 79.8,
  max_abs_logit_difference: 1e-5,
  duration_ms: { export: 1, verification: 1 },
};

describe('opening a model', () => {
  it('shows facts, then the dense perplexity, then the spectra', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    expect(engine.kinds()).toEqual(['open', 'set_texts', 'evaluate', 'calibrate']);
    const { results, job } = studio.store.getState();
    expect(results.model?.name).toBe('tiny');
    expect(results.dense?.perplexity).toBe(75.9);
    expect(results.spectra).toMatchObject({ is_complete: true, fusion: 'exact' });
    expect(job).toMatchObject({ state: 'finished', outcome: 'done' });
  });

  it('keeps the open model and its results when another cannot be opened', async () => {
    let opened = 0;
    const { studio } = studioWith({
      open: () => {
        opened += 1;
        if (opened > 1) throw new WhittleError({ code: 'not_a_model', message: 'This is a web page.' });
        return MODEL;
      },
    });
    await openModel(studio, DEMO);
    await openModel(studio, { kind: 'files', files: [] });
    const { results, job } = studio.store.getState();
    expect(job).toMatchObject({ state: 'failed', error: { code: 'not_a_model' } });
    expect(results.dense?.perplexity).toBe(75.9);
  });

  it('shows windows and sites while they arrive, and keeps them after a cancel', async () => {
    const { studio } = studioWith({
      calibrate: (_, emit, signal) => {
        emit({ type: 'site', schedule: 'rotate-once', site: siteReport(0, [2, 1]) });
        return untilCancelled(signal);
      },
      evaluate: ({ target }, emit) => {
        emit({ type: 'window', target, index: 0, count: 2, loss: 4, perplexity: 54.6, relative_spread: 0 });
        return perplexityReport(target, 75.9);
      },
    });
    const opening = openModel(studio, DEMO);
    await vi.waitFor(() => expect(studio.store.getState().results.spectra?.sites).toHaveLength(1));
    expect(studio.store.getState().job.state).toBe('running');
    cancelJob(studio);
    expect(studio.store.getState().job).toMatchObject({ cancelling: true });
    await opening;
    const { results, job } = studio.store.getState();
    expect(job).toMatchObject({ state: 'finished', outcome: 'cancelled' });
    expect(results.dense?.perplexity).toBe(75.9);
    expect(results.curves.dense).toHaveLength(1);
    expect(results.spectra?.is_complete).toBe(false);
  });

  it('turns a drop that cannot be read into a failure that says why', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    await openFiles(studio, Promise.reject(new DOMException('Permission was denied.', 'NotReadableError')));
    const { results, job } = studio.store.getState();
    expect(job).toMatchObject({ state: 'failed', kind: 'open', title: 'Opening the model' });
    expect(job).toMatchObject({
      error: { code: 'not_a_model', message: expect.stringContaining('Permission was denied.') },
    });
    expect(results.dense?.perplexity).toBe(75.9);
    expect(engine.kinds().filter((kind) => kind === 'open')).toHaveLength(1);
  });

  it('says that a drop held nothing, in the words of the engine', async () => {
    const { studio } = studioWith({
      open: ({ source }) => {
        expect(source).toEqual({ kind: 'files', files: [] });
        throw new WhittleError({ code: 'not_a_model', message: 'There are no files.' });
      },
    });
    await openFiles(studio, Promise.resolve([]));
    expect(studio.store.getState().job).toMatchObject({ state: 'failed', error: { message: 'There are no files.' } });
  });

  it('opens the model again on another backend, and forgets the figures of the first', async () => {
    const info = { vendor: '', architecture: '', description: '', isFallbackAdapter: false, maxTensorBytes: 1 };
    const { studio, engine } = studioWith({
      start: ({ backend }) => ({ ...info, kind: backend === 'cpu' ? 'cpu' : 'webgpu' }),
    });
    await startBackend(studio);
    expect(studio.store.getState().job.state).toBe('idle');
    await openModel(studio, DEMO);
    await slice(studio);
    await chooseBackend(studio, 'cpu');
    expect(engine.kinds().slice(-5)).toEqual(['start', 'open', 'set_texts', 'evaluate', 'calibrate']);
    const { results } = studio.store.getState();
    expect(results.backend?.kind).toBe('cpu');
    expect(results.runs).toEqual([]);
  });

  it('measures what a cancelled opening left out, and no more', async () => {
    let isCancelled = false;
    const { studio, engine } = studioWith({
      evaluate: ({ target }, _, signal) => {
        if (isCancelled) return perplexityReport(target, 75.9);
        isCancelled = true;
        return untilCancelled(signal);
      },
    });
    const opening = openModel(studio, DEMO);
    await vi.waitFor(() => expect(engine.kinds()).toContain('evaluate'));
    cancelJob(studio);
    await opening;
    expect(missingMeasures(studio.store.getState().results, 'exact')).toEqual({ dense: true, spectra: true });
    await measureMissing(studio);
    expect(engine.kinds().slice(3)).toEqual(['evaluate', 'calibrate']);
    const { results } = studio.store.getState();
    expect(results).toMatchObject({ dense: { perplexity: 75.9 }, spectra: { is_complete: true } });
    expect(missingMeasures(results, 'exact')).toBeNull();
    await measureMissing(studio);
    expect(engine.kinds()).toHaveLength(5);
  });

  it('reads the texts too where opening was cancelled before that', async () => {
    let tries = 0;
    const { studio, engine } = studioWith({
      set_texts: (_, __, signal) => (++tries === 1 ? untilCancelled(signal) : PROTOCOL),
    });
    const opening = openModel(studio, DEMO);
    await vi.waitFor(() => expect(tries).toBe(1));
    cancelJob(studio);
    await opening;
    await preview(studio);
    expect(engine.kinds()).toEqual(['open', 'set_texts']);
    await measureMissing(studio);
    expect(engine.kinds().slice(2)).toEqual(['set_texts', 'evaluate', 'calibrate']);
  });

  it('finishes spectra that were cancelled when their fusion is chosen again', async () => {
    let isCancelled = false;
    const { studio, engine } = studioWith({
      calibrate: ({ fusion }, emit, signal) => {
        if (isCancelled) return { fusion, sites: [siteReport(0, [2, 1])], duration_ms: 1 };
        emit({ type: 'site', schedule: 'rotate-once', site: siteReport(0, [2, 1]) });
        isCancelled = true;
        return untilCancelled(signal);
      },
    });
    const opening = openModel(studio, DEMO);
    await vi.waitFor(() => expect(isCancelled).toBe(true));
    cancelJob(studio);
    await opening;
    await chooseFusion(studio, 'exact');
    expect(engine.kinds().slice(4)).toEqual(['calibrate']);
    expect(studio.store.getState().results.spectra).toMatchObject({ fusion: 'exact', is_complete: true });
    await chooseFusion(studio, 'exact');
    expect(engine.kinds()).toHaveLength(5);
  });

  it('leaves a job that runs alone when fusion, backend or texts are asked for', async () => {
    let finish = () => {};
    const { studio, engine } = studioWith({
      slice: async (options) => {
        await new Promise<void>((resolve) => (finish = resolve));
        return sliceReport('slice-1', options);
      },
    });
    await openModel(studio, DEMO);
    const slicing = slice(studio);
    await vi.waitFor(() => expect(engine.kinds()).toContain('slice'));
    await chooseFusion(studio, 'official');
    await chooseBackend(studio, 'cpu');
    await measureAgain(studio);
    expect(studio.store.getState().settings).toMatchObject({ fusion: 'exact', backend: 'auto' });
    finish();
    await slicing;
    expect(engine.kinds().slice(4)).toEqual(['slice', 'evaluate']);
    expect(studio.store.getState().job).toMatchObject({ kind: 'slice', outcome: 'done' });
  });

  it('says that there is no WebGPU as the failure of the start', async () => {
    const { studio } = studioWith({
      start: () => {
        throw new WhittleError({ code: 'no_webgpu', message: 'No adapter.' });
      },
    });
    expect(await startBackend(studio)).toBe(false);
    expect(studio.store.getState().job).toMatchObject({ state: 'failed', kind: 'start', error: { code: 'no_webgpu' } });
  });
});

describe('slicing', () => {
  it('slices by the settings, then measures', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    await slice(studio);
    expect(engine.commands.at(-2)).toMatchObject({
      kind: 'slice',
      request: { sparsity: 0.25, schedule: 'sequential', head: 'auto' },
    });
    const [run] = studio.store.getState().results.runs;
    expect(run).toMatchObject({ id: 'slice-1', is_preview: false, perplexity: { perplexity: 79.8 } });
  });

  it('sweeps 10, 20, 25 and 30 %, and keeps what was done when cancelled', async () => {
    let count = 0;
    const { studio, engine } = studioWith({
      evaluate: ({ target }, _, signal) => {
        count += 1;
        return count === 4 ? untilCancelled(signal) : perplexityReport(target, 75 + count);
      },
    });
    await openModel(studio, DEMO);
    const sweeping = sweep(studio);
    await vi.waitFor(() => expect(count).toBe(4));
    cancelJob(studio);
    await sweeping;
    const sparsities = engine.commands.filter(({ kind }) => kind === 'slice').map(({ request }) => request);
    expect(sparsities).toMatchObject([{ sparsity: 0.1 }, { sparsity: 0.2 }, { sparsity: 0.25 }]);
    expect(studio.store.getState().results.runs.map((run) => run.perplexity !== null)).toEqual([true, true, false]);
  });

  it('measures rotate-once when the slider is released, and only once for a place', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    await preview(studio);
    await preview(studio);
    const slices = engine.commands.filter(({ kind }) => kind === 'slice');
    expect(slices).toMatchObject([{ request: { schedule: 'rotate-once', sparsity: 0.25 } }]);
    changeSettings(studio.store, { sparsity_percent: 30 });
    await preview(studio);
    expect(engine.kinds().slice(-3)).toEqual(['discard', 'slice', 'evaluate']);
    expect(studio.store.getState().results.runs.map(({ id }) => id)).toEqual(['slice-2']);
  });

  it('drops a running measure when the slider moves again', async () => {
    let first = true;
    const { studio, engine } = studioWith({
      evaluate: ({ target }, _, signal) => {
        if (target === 'dense' || !first) return perplexityReport(target, 80);
        first = false;
        return untilCancelled(signal);
      },
    });
    await openModel(studio, DEMO);
    const dropped = preview(studio);
    await vi.waitFor(() => expect(first).toBe(false));
    changeSettings(studio.store, { sparsity_percent: 40 });
    await Promise.all([preview(studio), dropped]);
    expect(engine.kinds().slice(4)).toEqual(['slice', 'evaluate', 'discard', 'slice', 'evaluate']);
    const { runs } = studio.store.getState().results;
    expect(runs).toMatchObject([{ id: 'slice-2', perplexity: { perplexity: 80 } }]);
  });

  it('does not disturb another job, but measures when that has ended', async () => {
    let finish = () => {};
    const { studio, engine } = studioWith({
      evaluate: async ({ target }) => {
        if (target === 'dense') await new Promise<void>((resolve) => (finish = resolve));
        return perplexityReport(target, 80);
      },
    });
    const opening = openModel(studio, DEMO);
    await vi.waitFor(() => expect(engine.kinds()).toContain('evaluate'));
    changeSettings(studio.store, { sparsity_percent: 35 });
    await preview(studio);
    expect(engine.kinds()).not.toContain('slice');
    finish();
    await opening;
    expect(engine.commands.find(({ kind }) => kind === 'slice')).toMatchObject({ request: { sparsity: 0.35 } });
  });

  it('removes a run from the engine and from the charts', async () => {
    const { studio, engine } = studioWith({
      evaluate: ({ target }, emit) => {
        emit({ type: 'window', target, index: 0, count: 1, loss: 4, perplexity: 54.6, relative_spread: 0 });
        return perplexityReport(target, 80);
      },
    });
    await openModel(studio, DEMO);
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 30 });
    await slice(studio);
    await discardRun(studio, 'slice-2');
    expect(engine.commands.at(-1)).toEqual({ kind: 'discard', request: { id: 'slice-2' } });
    const { results } = studio.store.getState();
    expect(results.runs.map(({ id }) => id)).toEqual(['slice-1']);
    expect(Object.keys(results.curves)).toEqual(['dense', 'slice-1']);
    expect(sizePoints(results).points.map(({ id }) => id)).toEqual(['dense', 'slice-1']);
  });

  it('removes no run while a job runs', async () => {
    let isSlicing = false;
    const { studio, engine } = studioWith({
      slice: (options, _, signal) => {
        if (options.sparsity === 0.25) return sliceReport('slice-1', options);
        isSlicing = true;
        return untilCancelled(signal);
      },
    });
    await openModel(studio, DEMO);
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 30 });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(isSlicing).toBe(true));
    await discardRun(studio, 'slice-1');
    expect(engine.kinds()).not.toContain('discard');
    expect(studio.store.getState().results.runs).toHaveLength(1);
    cancelJob(studio);
    await slicing;
  });

  it('keeps a run that the engine could not remove, and says why', async () => {
    const { studio } = studioWith({
      discard: () => {
        throw new WhittleError({ code: 'internal', message: 'The file is locked.' });
      },
    });
    await openModel(studio, DEMO);
    await slice(studio);
    await discardRun(studio, 'slice-1');
    const { results, job } = studio.store.getState();
    expect(results.runs).toHaveLength(1);
    expect(job).toMatchObject({ state: 'failed', title: 'Removing the 25 % sequential run' });
  });

  it('sets the settings of a run that is chosen', async () => {
    const { studio } = studioWith();
    await openModel(studio, DEMO);
    changeSettings(studio.store, { sparsity_percent: 30, head: 'untied' });
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 12, head: 'auto' });
    selectRun(studio, 'slice-1');
    expect(studio.store.getState().settings).toMatchObject({ sparsity_percent: 30, head: 'untied' });
  });

  it('draws the curve of a run only while it is measured, not after that was cancelled', async () => {
    let isMeasuring = false;
    const { studio } = studioWith({
      evaluate: ({ target }, emit, signal) => {
        emit({ type: 'window', target, index: 0, count: 2, loss: 4, perplexity: 54.6, relative_spread: 0 });
        if (target !== 'slice-2') return perplexityReport(target, 80);
        isMeasuring = true;
        return untilCancelled(signal);
      },
    });
    const curveOf = () => shownCurves(studio.store.getState()).run?.id;
    await openModel(studio, DEMO);
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 30 });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(isMeasuring).toBe(true));
    changeSettings(studio.store, { sparsity_percent: 25 });
    expect(curveOf()).toBe('slice-2');
    cancelJob(studio);
    expect(curveOf()).toBe('slice-1');
    await slicing;
    expect(curveOf()).toBe('slice-1');
  });

  it('draws no curve of earlier texts under the protocol of new ones', async () => {
    let texts = 0;
    const other = { ...PROTOCOL, eval_samples: 4 };
    const { studio } = studioWith({
      set_texts: () => (++texts === 1 ? PROTOCOL : other),
      evaluate: ({ target }, emit, signal) => {
        if (texts > 1) return untilCancelled(signal);
        emit({ type: 'window', target, index: 0, count: 2, loss: 4, perplexity: 54.6, relative_spread: 0 });
        return perplexityReport(target, 80);
      },
    });
    await openModel(studio, DEMO);
    expect(shownCurves(studio.store.getState())).toMatchObject({ dense: [{ window: 1 }], protocol: PROTOCOL });
    const measuring = measureAgain(studio);
    await vi.waitFor(() => expect(studio.store.getState().results.protocol).toEqual(other));
    expect(shownCurves(studio.store.getState())).toEqual({ dense: [], sliced: [], run: null, protocol: null });
    cancelJob(studio);
    await measuring;
  });

  it('keeps earlier runs with their protocol when the texts are measured again', async () => {
    const { studio } = studioWith();
    await openModel(studio, DEMO);
    await slice(studio);
    await measureAgain(studio);
    expect(studio.store.getState().results.runs[0].protocol?.seqlen).toBe(256);
  });
});

describe('export', () => {
  async function sliced(answer: () => ExportReport) {
    const { studio } = studioWith({ export: answer });
    await openModel(studio, DEMO);
    await preview(studio);
    await exportRun(studio, 'slice-1');
    return studio.store.getState().results.runs[0];
  }

  it('offers a verified export, and keeps its run from being thrown away', async () => {
    expect(await sliced(() => EXPORT)).toMatchObject({ is_preview: false, export: { state: 'done' } });
  });

  it('never offers one that was not verified', async () => {
    const run = await sliced(() => ({ ...EXPORT, verified: false, perplexity: 91 }));
    expect(run.export).toMatchObject({ state: 'failed', error: { code: 'verification_failed' } });
  });

  it('says what failed', async () => {
    const run = await sliced(() => {
      throw new WhittleError({ code: 'storage_full', message: 'No space left.' });
    });
    expect(run.export).toMatchObject({ state: 'failed', error: { code: 'storage_full' } });
  });
});
