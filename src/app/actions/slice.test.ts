import { describe, expect, it, vi } from 'vitest';
import type { Commands, SlicegptOptions } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { frontOf } from '../store/front.ts';
import { repeatAt } from '../store/repeat.ts';
import { shownCurves } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { PROTOCOL, perplexityReport, slicedReport, slicingOf, studioWith, untilCancelled } from '../testing.ts';
import { cancelJob } from './job.ts';
import { measureAgain, openModel } from './open_model.ts';
import { preview } from './preview.ts';
import { freeRemoved, putRunBack, takeRunAway } from './runs.ts';
import { selectRun } from './select.ts';
import { slice, sweep } from './slice.ts';

const DEMO = { kind: 'demo' } as const;

const slicingIn = ({ request }: { request: unknown }) => slicingOf(request as Commands['compress']['request']);

describe('slicing', () => {
  it('slices by the settings, then measures', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    await slice(studio);
    const made = engine.commands.slice(-2, -1);
    expect(made.map(({ kind }) => kind)).toEqual(['compress']);
    expect(made.map(slicingIn)).toMatchObject([{ sparsity: 0.25, schedule: 'sequential', head: 'auto' }]);
    const [run] = studio.store.getState().results.runs;
    expect(run).toMatchObject({ id: 'run-1', is_preview: false, perplexity: { perplexity: 79.8 } });
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
    const sparsities = engine.commands.filter(({ kind }) => kind === 'compress').map(slicingIn);
    expect(sparsities).toMatchObject([{ sparsity: 0.1 }, { sparsity: 0.2 }, { sparsity: 0.25 }]);
    expect(studio.store.getState().results.runs.map((run) => run.perplexity !== null)).toEqual([true, true, false]);
  });

  it('leaves the slider where it is while it sweeps, and makes nothing twice', async () => {
    const places = new Set<number>();
    const { studio, engine } = studioWith({
      evaluate: ({ target }) => {
        places.add(studio.store.getState().settings.sparsity_percent);
        return perplexityReport(target, 80);
      },
    });
    await openModel(studio, DEMO);
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 15 });
    await sweep(studio);
    const sparsities = () => engine.commands.filter(({ kind }) => kind === 'compress').map(slicingIn);
    expect(sparsities().map((options) => options?.sparsity)).toEqual([0.25, 0.1, 0.2, 0.3]);
    expect([...places]).toEqual([25, 15]);
    // With other options they are other runs.
    changeSettings(studio.store, { head: 'untied' });
    await sweep(studio);
    expect(sparsities()).toHaveLength(8);
    await sweep(studio);
    expect(sparsities()).toHaveLength(8);
    expect(studio.store.getState().settings.sparsity_percent).toBe(15);
    expect(repeatAt(studio.store.getState(), 'sweep')).toEqual(['run-5', 'run-6', 'run-7', 'run-8']);
    await sweep(studio, true);
    expect(sparsities()).toHaveLength(12);
    expect(repeatAt(studio.store.getState(), 'sweep')).toEqual([]);
  });

  it('measures rotate-once when the slider is released, and only once for a place', async () => {
    const { studio, engine } = studioWith();
    await openModel(studio, DEMO);
    await preview(studio);
    await preview(studio);
    const slices = engine.commands.filter(({ kind }) => kind === 'compress');
    expect(slices.map(slicingIn)).toMatchObject([{ schedule: 'rotate-once', sparsity: 0.25 }]);
    changeSettings(studio.store, { sparsity_percent: 30 });
    await preview(studio);
    expect(engine.kinds().slice(-3)).toEqual(['discard', 'compress', 'evaluate']);
    expect(studio.store.getState().results.runs.map(({ id }) => id)).toEqual(['run-2']);
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
    expect(engine.kinds().slice(4)).toEqual(['compress', 'evaluate', 'discard', 'compress', 'evaluate']);
    const { runs } = studio.store.getState().results;
    expect(runs).toMatchObject([{ id: 'run-2', perplexity: { perplexity: 80 } }]);
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
    expect(engine.kinds()).not.toContain('compress');
    finish();
    await opening;
    expect(engine.commands.filter(({ kind }) => kind === 'compress').map(slicingIn)).toMatchObject([
      { sparsity: 0.35 },
    ]);
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
    takeRunAway(studio, 'run-2');
    expect(studio.store.getState().results.runs.map(({ id }) => id)).toEqual(['run-1']);
    expect(engine.kinds()).not.toContain('discard');
    putRunBack(studio, 'run-2');
    expect(studio.store.getState().results.runs.map(({ id }) => id)).toEqual(['run-1', 'run-2']);
    takeRunAway(studio, 'run-2');
    await freeRemoved(studio, 'run-2');
    expect(engine.commands.at(-1)).toEqual({ kind: 'discard', request: { id: 'run-2' } });
    const { results } = studio.store.getState();
    expect(results.runs.map(({ id }) => id)).toEqual(['run-1']);
    expect(Object.keys(results.curves)).toEqual(['dense', 'run-1']);
    expect(frontOf(results, studio.store.getState().settings).points.map(({ id }) => id)).toEqual(['dense', 'run-1']);
  });

  it('removes no run while a job runs', async () => {
    let isSlicing = false;
    const { studio, engine } = studioWith({
      compress: (request, _, signal) => {
        const options = slicingOf(request) as SlicegptOptions;
        if (options.sparsity === 0.25) return slicedReport('run-1', options);
        isSlicing = true;
        return untilCancelled(signal);
      },
    });
    await openModel(studio, DEMO);
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 30 });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(isSlicing).toBe(true));
    takeRunAway(studio, 'run-1');
    await freeRemoved(studio, 'run-1');
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
    takeRunAway(studio, 'run-1');
    await freeRemoved(studio, 'run-1');
    const { results, job } = studio.store.getState();
    expect(results.removed.map(({ id }) => id)).toEqual(['run-1']);
    expect(job).toMatchObject({ state: 'failed', title: 'Freeing a removed run' });
  });

  it('sets the settings of a run that is chosen', async () => {
    const { studio } = studioWith();
    await openModel(studio, DEMO);
    changeSettings(studio.store, { sparsity_percent: 30, head: 'untied' });
    await slice(studio);
    changeSettings(studio.store, { sparsity_percent: 12, head: 'auto' });
    selectRun(studio, 'run-1');
    expect(studio.store.getState().settings).toMatchObject({ sparsity_percent: 30, head: 'untied' });
  });

  it('draws the curve of a run only while it is measured, not after that was cancelled', async () => {
    let isMeasuring = false;
    const { studio } = studioWith({
      evaluate: ({ target }, emit, signal) => {
        emit({ type: 'window', target, index: 0, count: 2, loss: 4, perplexity: 54.6, relative_spread: 0 });
        if (target !== 'run-2') return perplexityReport(target, 80);
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
    expect(curveOf()).toBe('run-2');
    cancelJob(studio);
    expect(curveOf()).toBe('run-1');
    await slicing;
    expect(curveOf()).toBe('run-1');
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
    expect(shownCurves(studio.store.getState())).toEqual({ dense: [], made: [], run: null, protocol: null });
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
