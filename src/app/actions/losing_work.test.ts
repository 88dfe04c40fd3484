import { describe, expect, it, vi } from 'vitest';
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { isAnyLost, lossesOf, lossTexts, markSaved } from '../store/losses.ts';
import { changeResults, changeSessions } from '../store/store.ts';
import {
  exportReport,
  MODEL,
  PROTOCOL,
  perplexityReport,
  siteReport,
  slicedReport,
  slicingOf,
  studioWith,
  untilCancelled,
} from '../testing.ts';
import { answer } from './ask.ts';
import { exportModel } from './export_model.ts';
import { cancelJob } from './job.ts';
import { changeBackend, openAsked, openFiles, openModel, startBackend } from './open_model.ts';
import { preview } from './preview.ts';
import { readRecipe } from './read_recipe.ts';
import { listenToEngine } from './recover.ts';
import { slice } from './slice.ts';
import { solveForSize } from './target.ts';
import { offerPasted } from './texts.ts';

const DEMO = { kind: 'demo' } as const;
const ONNX = { format: 'onnx', precision: 'stored' } as const;
const FILES = [
  { name: 'model.onnx', bytes: 900, sha256: '' },
  { name: 'config.json', bytes: 9, sha256: '' },
];

async function opened(script: Parameters<typeof studioWith>[0] = {}) {
  const { studio, engine } = studioWith({
    export: (request) => ({ ...exportReport(request), files: FILES }),
    ...script,
  });
  await openModel(studio, DEMO);
  const losses = () => lossesOf(studio.store.getState());
  return { studio, engine, losses, state: () => studio.store.getState() };
}

describe('what would be lost', () => {
  it('is nothing after opening, and nothing after a quick measure', async () => {
    const { studio, losses } = await opened();
    expect(isAnyLost(losses())).toBe(false);
    await preview(studio);
    expect(isAnyLost(losses())).toBe(false);
  });

  it('is a job while it runs', async () => {
    const { studio, losses } = await opened({ compress: (_, __, signal) => untilCancelled(signal) });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(losses().job).toBe('Slicing 25 %'));
    cancelJob(studio);
    await slicing;
    expect(isAnyLost(losses())).toBe(false);
  });

  it('is a run until an export of it was saved, and that export until then', async () => {
    const { studio, losses } = await opened();
    await slice(studio);
    expect(losses()).toEqual({ job: null, runs: 1, exports: 0 });
    await exportModel(studio, 'run-1', ONNX);
    await exportModel(studio, 'dense', ONNX);
    expect(losses()).toEqual({ job: null, runs: 1, exports: 2 });
    expect(lossTexts(losses())).toEqual(['1 run is kept nowhere but in this page.', '2 exports were not saved.']);
    changeResults(studio.store, (results) => markSaved(results, 'exports/run-1', ['config.json']));
    expect(losses().runs).toBe(1);
    changeResults(studio.store, (results) => markSaved(results, 'exports/run-1', ['model.onnx']));
    expect(losses()).toEqual({ job: null, runs: 0, exports: 1 });
    changeResults(studio.store, (results) => markSaved(results, 'exports/dense', 'all'));
    expect(isAnyLost(losses())).toBe(false);
    // Exported anew it is to be saved anew.
    await exportModel(studio, 'run-1', ONNX);
    expect(losses()).toEqual({ job: null, runs: 1, exports: 1 });
  });
});

describe('opening another model', () => {
  it('asks nothing where nothing is lost', async () => {
    const { studio, state } = await opened();
    await openAsked(studio, DEMO, 'the built-in model');
    expect(state().question).toBeNull();
  });

  it('asks first where runs are lost, and keeps all of it without a yes', async () => {
    const { studio, engine, state } = await opened();
    await slice(studio);
    const sent = engine.commands.length;
    const refused = openAsked(studio, DEMO, 'the built-in model');
    expect(state().question).toMatchObject({ title: 'Open the built-in model in place of tiny?' });
    answer(studio, null);
    expect(await refused).toBe(false);
    expect(engine.commands).toHaveLength(sent);
    expect(state().results.runs).toHaveLength(1);
    const agreed = openAsked(studio, DEMO, 'the built-in model');
    answer(studio, 'go');
    expect(await agreed).toBe(true);
    expect(state().results.runs).toEqual([]);
  });

  it('asks before a drop stops a job, which goes on meanwhile; a second drop takes the question over', async () => {
    const { studio, state } = await opened({ compress: (_, __, signal) => untilCancelled(signal) });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(state().job.state).toBe('running'));
    const first = openFiles(studio, [{ path: 'a/config.json', file: new File([], 'config.json') }]);
    await vi.waitFor(() => expect(state().question?.title).toBe('Open a in place of tiny?'));
    const second = openFiles(studio, [{ path: 'b.gguf', file: new File([], 'b.gguf') }]);
    await first;
    expect(state().question?.title).toBe('Open b.gguf in place of tiny?');
    expect(state().job).toMatchObject({ state: 'running', kind: 'slice', cancelling: false });
    answer(studio, null);
    await second;
    cancelJob(studio);
    await slicing;
  });

  it('says what is so now where the job that would be stopped has ended meanwhile', async () => {
    let finish: (() => void) | undefined;
    const { studio, state } = await opened({
      evaluate: async ({ target }) => {
        if (target !== 'dense') await new Promise<void>((resolve) => (finish = resolve));
        return perplexityReport(target, 80);
      },
    });
    changeSessions(studio.store, { kept: 'yes' });
    const slicing = slice(studio);
    await vi.waitFor(() => expect(finish).toBeDefined());
    const opening = openAsked(studio, DEMO, 'another');
    expect(state().question).toMatchObject({
      lines: ['Slicing 25 % is running and would be stopped.'],
      answers: [{ label: 'Open and stop it', is_final: true }],
    });
    finish?.();
    await slicing;
    expect(state().question).toMatchObject({
      lines: ['Nothing of it would be lost any more.'],
      answers: [{ label: 'Open', is_final: false }],
    });
    answer(studio, null);
    expect(await opening).toBe(false);
  });

  it('asks before another backend takes the runs', async () => {
    const { studio, state, engine } = await opened();
    await slice(studio);
    const changing = changeBackend(studio, 'cpu');
    expect(state().question?.title).toMatch(/another backend/);
    answer(studio, null);
    await changing;
    expect(engine.kinds()).not.toContain('start');
    expect(state().settings.backend).toBe('auto');
  });
});

describe('a dropped or pasted text', () => {
  const text = (name: string) => ({ path: name, file: new File(['words '.repeat(200)], name) });

  it('is offered for calibration, and opens nothing', async () => {
    const { studio, engine, state } = await opened();
    const sent = engine.commands.length;
    const dropping = openFiles(studio, [text('my-text.txt')]);
    await vi.waitFor(() => expect(state().question?.title).toBe('my-text.txt is a text, not a model'));
    answer(studio, 'calibration');
    await dropping;
    expect(state().settings.texts.calibration).toMatchObject({ kind: 'file' });
    expect(state().settings.texts.evaluation).toEqual({ kind: 'demo' });
    expect(engine.commands).toHaveLength(sent);
    const pasting = offerPasted(studio, 'words '.repeat(200));
    answer(studio, 'evaluation');
    await pasting;
    expect(state().settings.texts.evaluation).toMatchObject({ kind: 'text', name: 'pasted text, 1 kB' });
    await offerPasted(studio, 'a few words');
    expect(state().question).toBeNull();
  });

  it('that belongs to a tokenizer is no prose', async () => {
    const { studio, engine, state } = await opened();
    await openFiles(studio, [text('merges.txt')]);
    expect(state().question).toBeNull();
    expect(engine.kinds().filter((kind) => kind === 'open')).toHaveLength(2);
  });
});

const CPU = {
  ...({ kind: 'cpu', vendor: '', architecture: '', description: '' } as const),
  ...{ isFallbackAdapter: false, maxTensorBytes: 1 },
};

describe('after the engine died', () => {
  const died = () => new WhittleError({ code: 'engine_stopped', message: 'The engine stopped: it did.' });

  it('runs have the weights that were written down; the others say that theirs are gone', async () => {
    let fail = (_: WhittleError) => {};
    let isDead = false;
    const { studio, engine, state } = await opened({
      start: () => CPU,
      restore: () => ({ restored: ['run-1'], lost: [{ id: 'run-2' }], unfinished: null }),
      evaluate: ({ target }) => {
        if (target !== 'dense' && !isDead && engine.kinds().filter((kind) => kind === 'compress').length > 1) {
          return new Promise((_, reject) => (fail = reject));
        }
        return perplexityReport(target, 80);
      },
    });
    const stop = listenToEngine(studio);
    await startBackend(studio);
    await slice(studio);
    await exportModel(studio, 'run-1', ONNX);
    const slicing = slice(studio, true);
    await vi.waitFor(() => expect(engine.kinds().at(-1)).toBe('evaluate'));
    isDead = true;
    engine.die(died());
    fail(died());
    await slicing;
    await vi.waitFor(() => expect(state().job).toMatchObject({ state: 'finished', kind: 'recover', outcome: 'done' }));
    expect(engine.kinds().slice(-4)).toEqual(['start', 'open', 'set_texts', 'restore']);
    expect(state().question?.title).toBe('Slicing 25 % was broken off');
    answer(studio, null);
    const { results, interruption } = state();
    expect(interruption).toMatchObject({
      title: 'Slicing 25 %: the engine stopped',
      error: { code: 'engine_stopped' },
    });
    expect(results.dense?.perplexity).toBe(80);
    expect(results.runs).toMatchObject([{ is_lost: undefined, exports: [{ state: 'done' }] }, { is_lost: true }]);
    // What is lost is not exported; what is made anew is.
    const sent = engine.commands.length;
    await exportModel(studio, 'run-2', ONNX);
    expect(engine.commands).toHaveLength(sent);
    await slice(studio, true);
    expect(state().results.runs.at(-1)?.is_lost).toBeUndefined();
    expect(state().interruption).toBeNull();
    stop();
  });

  it('built-in texts that another build made otherwise are measured anew', async () => {
    let now = PROTOCOL;
    const { studio, engine, state } = await opened({ start: () => CPU, set_texts: () => now });
    const stop = listenToEngine(studio);
    await startBackend(studio);
    expect(state().results.dense).not.toBeNull();
    now = { ...PROTOCOL, calibration: { ...PROTOCOL.calibration, name: "Whittle's source code (SHA-256 1)" } };
    engine.die(died());
    await vi.waitFor(() => expect(state().results).toMatchObject({ protocol: now, dense: null, spectra: null }));
    stop();
  });

  it('of a thread that did not answer, the job goes on by itself, once', async () => {
    const stalled = () => new WhittleError({ code: 'engine_stalled', message: 'A compute thread does not answer.' });
    let isStalled = false;
    const { studio, engine, state } = await opened({
      start: () => CPU,
      compress: (request) => {
        if (isStalled) return slicedReport('run-1', slicingOf(request) as SlicegptOptions);
        isStalled = true;
        engine.die(stalled());
        throw stalled();
      },
    });
    const stop = listenToEngine(studio);
    await startBackend(studio);
    await slice(studio);
    await vi.waitFor(() => expect(state().job).toMatchObject({ state: 'finished', kind: 'slice', outcome: 'done' }));
    expect(state().question).toBeNull();
    expect(state().results.runs).toHaveLength(1);
    expect(engine.kinds().slice(-7)).toEqual([
      'compress',
      'start',
      'open',
      'set_texts',
      'restore',
      'compress',
      'evaluate',
    ]);
    stop();
  });

  it('an export tells it in its card alone, with what was done; a second death is told by the page alone', async () => {
    let isDying = true;
    const { studio, engine, state } = await opened({
      start: () => CPU,
      export: (request) => {
        if (!isDying) return { ...exportReport(request), files: FILES };
        engine.die(died());
        throw died();
      },
    });
    const stop = listenToEngine(studio);
    await startBackend(studio);
    const exported = () => state().results.dense_exports;
    await exportModel(studio, 'dense', ONNX);
    await vi.waitFor(() => expect(state().question?.title).toBe('Exporting ONNX was broken off'));
    expect(state().interruption).toBeNull();
    expect(exported()).toMatchObject([
      {
        state: 'failed',
        error: { code: 'engine_stopped', action: expect.stringMatching(/started anew and the model/) },
      },
    ]);
    answer(studio, null);
    await exportModel(studio, 'dense', ONNX);
    await vi.waitFor(() => expect(state().interruption?.error.action).toMatch(/without the model/));
    expect(exported()).toEqual([]);
    await vi.waitFor(() => expect(studio.current).toBeNull());
    isDying = false;
    await exportModel(studio, 'dense', ONNX);
    expect(state().interruption).toBeNull();
    expect(exported()).toMatchObject([{ state: 'done' }]);
    stop();
  });

  it('a search for a size is offered again, and says that it begins anew', async () => {
    let searches = 0;
    const { studio, engine, state } = await opened({
      start: () => CPU,
      solve: async () => {
        searches += 1;
        if (searches === 1) engine.die(died());
        throw searches === 1 ? died() : new WhittleError({ code: 'bad_option', message: 'No recipe is as small.' });
      },
    });
    const stop = listenToEngine(studio);
    await startBackend(studio);
    await solveForSize(studio, 1000, readRecipe);
    await vi.waitFor(() => expect(state().question?.lines).toEqual([expect.stringMatching(/search begins anew/)]));
    answer(studio, 'go');
    await vi.waitFor(() => expect(searches).toBe(2));
    const asked = engine.commands.filter(({ kind }) => kind === 'solve').map(({ request }) => request);
    expect(asked[1]).toEqual(asked[0]);
    stop();
  });

  it('it does not open again what kills it', async () => {
    let deaths = 0;
    const { studio, engine } = studioWith({
      start: () => CPU,
      set_texts: () => {
        if (engine.kinds().filter((kind) => kind === 'set_texts').length === 1) return PROTOCOL;
        deaths += 1;
        engine.die(died());
        throw died();
      },
      calibrate: ({ fusion }) => ({ fusion, sites: [siteReport(0, [1])], duration_ms: 1 }),
      open: () => MODEL,
    });

    const stop = listenToEngine(studio);
    await openModel(studio, DEMO);
    engine.die(died());
    await vi.waitFor(() => expect(deaths).toBe(1));
    await vi.waitFor(() => expect(engine.kinds().at(-1)).toBe('start'));
    await vi.waitFor(() => expect(studio.current).toBeNull());
    expect(engine.kinds().filter((kind) => kind === 'open')).toHaveLength(2);
    expect(studio.store.getState().interruption?.error.action).toMatch(/without the model/);
    stop();
  });
});
