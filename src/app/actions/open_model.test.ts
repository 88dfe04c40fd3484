import { describe, expect, it, vi } from 'vitest';
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { missingMeasures } from '../store/results.ts';
import { wasLeftUnmeasured } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import {
  MODEL,
  PROTOCOL,
  perplexityReport,
  siteReport,
  slicedReport,
  slicingOf,
  studioWith,
  untilCancelled,
} from '../testing.ts';
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
import { slice, sweep } from './slice.ts';

const DEMO = { kind: 'demo' } as const;

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

  it('measures a model that cannot be sliced, and neither calibrates nor slices it', async () => {
    const refused = { ...MODEL, shape: { ...MODEL.shape, slicing_refusal: 'Its layers norm their outputs.' } };
    const { studio, engine } = studioWith({ open: () => refused });
    await openModel(studio, DEMO);
    const { results, settings, job } = studio.store.getState();
    expect(missingMeasures(results, settings.fusion)).toBeNull();
    expect(job).toMatchObject({ state: 'finished', outcome: 'done' });
    await preview(studio);
    await slice(studio);
    await sweep(studio);
    await measureAgain(studio);
    expect(engine.kinds()).toEqual(['open', 'set_texts', 'evaluate', 'set_texts', 'evaluate']);
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

  it('shows the facts of a model while its tokenizer is read, and takes them back where that fails', async () => {
    const { fingerprint: _, tokenizer: __, ...facts } = MODEL;
    const other = { ...facts, name: 'other' };
    let opened = 0;
    let finish = () => {};
    const { studio } = studioWith({
      open: async (_, emit) => {
        opened += 1;
        if (opened === 1) return MODEL;
        emit({ type: 'facts', facts: other });
        await new Promise<void>((resolve) => (finish = resolve));
        if (opened === 2) throw new WhittleError({ code: 'bad_tokenizer', message: 'There is no model.' });
        return { ...MODEL, ...other };
      },
    });
    const { store } = studio;
    await openModel(studio, DEMO);
    for (const [failed, name] of [
      [true, 'tiny'],
      [false, 'other'],
    ] as const) {
      const opening = openModel(studio, DEMO);
      await vi.waitFor(() => expect(store.getState().opening?.name).toBe('other'));
      expect(store.getState().results.model?.name).toBe('tiny');
      finish();
      await opening;
      expect(store.getState()).toMatchObject({ opening: null, results: { model: { name } } });
      expect(store.getState().job.state).toBe(failed ? 'failed' : 'finished');
    }
  });

  it('shows windows and sites while they arrive, and keeps them after a cancel', async () => {
    const { studio } = studioWith({
      calibrate: (_, emit, signal) => {
        emit({ type: 'site', stream: 'dense', site: siteReport(0, [2, 1]) });
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
    expect(wasLeftUnmeasured(studio.store.getState())).toBe(true);
    await measureMissing(studio);
    expect(wasLeftUnmeasured(studio.store.getState())).toBe(false);
    expect(engine.kinds().slice(3)).toEqual(['evaluate', 'calibrate']);
    const { results } = studio.store.getState();
    expect(results).toMatchObject({ dense: { perplexity: 75.9 }, spectra: { is_complete: true } });
    expect(missingMeasures(results, 'exact')).toBeNull();
    await measureMissing(studio);
    expect(engine.kinds()).toHaveLength(5);
  });

  it('measures with the windows that were chosen meanwhile, as long as no figure has the earlier ones', async () => {
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
    const { texts } = studio.store.getState().settings;
    changeSettings(studio.store, { texts: { ...texts, eval_samples: 1, samples: 1, seqlen: 32 } });
    await measureMissing(studio);
    expect(engine.commands.slice(3)).toMatchObject([
      { kind: 'set_texts', request: { eval_samples: 1, samples: 1, seqlen: 32 } },
      { kind: 'evaluate' },
      { kind: 'calibrate' },
    ]);
    // Spectra of other norms belong to the figures that are shown.
    changeSettings(studio.store, { texts, fusion: 'official' });
    await measureMissing(studio);
    expect(engine.kinds().slice(6)).toEqual(['calibrate']);
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
    expect(wasLeftUnmeasured(studio.store.getState())).toBe(true);
    await measureMissing(studio);
    expect(engine.kinds().slice(2)).toEqual(['set_texts', 'evaluate', 'calibrate']);
  });

  it('finishes spectra that were cancelled when their fusion is chosen again', async () => {
    let isCancelled = false;
    const { studio, engine } = studioWith({
      calibrate: ({ fusion }, emit, signal) => {
        if (isCancelled) return { fusion, sites: [siteReport(0, [2, 1])], duration_ms: 1 };
        emit({ type: 'site', stream: 'dense', site: siteReport(0, [2, 1]) });
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
      compress: async (request) => {
        await new Promise<void>((resolve) => (finish = resolve));
        return slicedReport('run-1', slicingOf(request) as SlicegptOptions);
      },
    });
    await openModel(studio, DEMO);
    const slicing = slice(studio);
    await vi.waitFor(() => expect(engine.kinds()).toContain('compress'));
    await chooseFusion(studio, 'official');
    await chooseBackend(studio, 'cpu');
    await measureAgain(studio);
    expect(studio.store.getState().settings).toMatchObject({ fusion: 'exact', backend: 'auto' });
    finish();
    await slicing;
    expect(engine.kinds().slice(4)).toEqual(['compress', 'evaluate']);
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
