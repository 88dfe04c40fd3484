import { describe, expect, it, vi } from 'vitest';
import type { ImportanceReport, RunReport, SolveReport } from '../../engine/protocol.ts';
import { isRepeated, type RepeatPlace, repeatAt } from '../store/repeat.ts';
import { changeFront, changeResults, changeSettings } from '../store/store.ts';
import {
  PROTOCOL,
  perplexityReport,
  recipeRun,
  slicedReport,
  slicingOf,
  studioWith,
  untilCancelled,
} from '../testing.ts';
import { compress } from './compress.ts';
import { cancelJob } from './job.ts';
import { measureAgain, openModel } from './open_model.ts';
import { readRecipe } from './read_recipe.ts';
import { takeRunAway } from './runs.ts';
import { slice } from './slice.ts';
import { solveForSize } from './target.ts';

const DEMO = { kind: 'demo' } as const;
const FIGURES = { bytes: 2e6, perplexity: 80, kl: 0.1 };
const GPTQ = { text: 'gptq:bits=4', steps: [{ method: 'gptq', options: { bits: 4 } }] };

/** Slices as ever; anything else becomes a run of its own id. */
const opened = () => openedWith((id) => recipeRun(id, FIGURES).report);

async function openedWith(report: (id: string) => RunReport) {
  let count = 0;
  const found: ReturnType<typeof studioWith> = studioWith({
    compress: (request) => {
      count += 1;
      const options = slicingOf(request);
      return options ? slicedReport(`run-${count}`, options) : report(`run-${count}`);
    },
    // On the texts in use, as the engine does.
    evaluate: ({ target }) => {
      const { protocol } = found.studio.store.getState().results;
      return { ...perplexityReport(target, 80), protocol: protocol ?? PROTOCOL };
    },
  });
  await openModel(found.studio, DEMO);
  const { studio, engine } = found;
  const made = () => engine.kinds().filter((kind) => kind === 'compress').length;
  const told = (place: RepeatPlace) => repeatAt(studio.store.getState(), place);
  return { studio, engine, made, told };
}

describe('what is asked for once more', () => {
  it('is shown where it is a slice that is there, until something else is asked for; made again only by that word', async () => {
    const { studio, made, told } = await opened();
    await slice(studio);
    expect(told('slice')).toEqual([]);
    studio.store.setState({ selected: 'another' });
    await slice(studio);
    expect(made()).toBe(1);
    expect(told('slice')).toEqual(['run-1']);
    expect(told('sweep')).toEqual([]);
    expect(isRepeated(studio.store.getState(), 'run-1')).toBe(true);
    expect(studio.store.getState().selected).toBeNull();
    // It is said of these settings, not of others.
    changeSettings(studio.store, { sparsity_percent: 30 });
    expect(told('slice')).toEqual([]);
    changeSettings(studio.store, { sparsity_percent: 25 });
    await slice(studio);
    expect(told('slice')).toEqual(['run-1']);
    await slice(studio, true);
    expect(made()).toBe(2);
    expect(told('slice')).toEqual([]);
  });

  it.each([
    ['another sparsity', { sparsity_percent: 30 }],
    ['another head', { head: 'untied' }],
    ['another schedule', { schedule: 'rotate-once' }],
    ['other norms', { fusion: 'official' }],
    ['another rounding', { round: 1 }],
  ] as const)('is another run with %s', async (_, change) => {
    const { studio, made, told } = await opened();
    await slice(studio);
    changeSettings(studio.store, change);
    await slice(studio);
    expect(made()).toBe(2);
    expect(told('slice')).toEqual([]);
  });

  it('is made on other texts, where the weights are gone, and where it was removed', async () => {
    const { studio, made } = await opened();
    await slice(studio);
    changeResults(studio.store, (results) => ({ ...results, protocol: { ...PROTOCOL, samples: 99 } }));
    await slice(studio);
    expect(made()).toBe(2);
    changeResults(studio.store, (results) => ({
      ...results,
      runs: results.runs.map((run) => ({ ...run, is_lost: true })),
    }));
    await slice(studio);
    expect(made()).toBe(3);
    takeRunAway(studio, 'run-3');
    await slice(studio);
    expect(made()).toBe(4);
  });

  it('is another with another text of the same name', async () => {
    const { studio, made } = await opened();
    const take = (digest: string) =>
      changeResults(studio.store, (results) => ({
        ...results,
        protocol: { ...PROTOCOL, calibration: { ...PROTOCOL.calibration, digest } },
      }));
    take('a');
    await slice(studio);
    take('b');
    await slice(studio);
    expect(made()).toBe(2);
    take('a');
    await slice(studio);
    expect(made()).toBe(2);
  });

  it('is no quick measure that a slice was', async () => {
    const { studio, made } = await opened();
    changeSettings(studio.store, { schedule: 'rotate-once' });
    await slice(studio);
    changeResults(studio.store, (results) => ({
      ...results,
      runs: results.runs.map((run) => ({ ...run, is_preview: true })),
    }));
    await slice(studio);
    expect(made()).toBe(2);
  });

  it('is shown where it is a recipe, by its text; with another importance matrix it is another', async () => {
    const { studio, made, told } = await opened();
    await compress(studio, GPTQ);
    await compress(studio, GPTQ);
    expect(made()).toBe(1);
    expect(told('recipe')).toEqual(['run-1']);
    expect(studio.store.getState().selected).toBe('run-1');
    studio.store.setState({ recipe: 'rtn:bits=4' });
    expect(told('recipe')).toEqual([]);
    const imatrix: ImportanceReport = { name: 'a.imatrix', datasets: [], tokens: 1, sha256: '1' };
    changeResults(studio.store, (results) => ({ ...results, imatrix }));
    await compress(studio, GPTQ);
    expect(made()).toBe(2);
    await compress(studio, GPTQ, { isAgain: true });
    expect(made()).toBe(3);
  });

  it('is another recipe with another file of the same name', async () => {
    const { studio, made } = await openedWith((run) => ({
      ...recipeRun(run, FIGURES).report,
      recipe: 'rft:data=a.jsonl',
      files: Object.fromEntries(studio.store.getState().results.examples.map(({ name, sha256 }) => [name, sha256])),
    }));
    const recipe = { text: 'rft:data=a.jsonl', steps: [] };
    const take = (sha256: string) =>
      changeResults(studio.store, (results) => ({
        ...results,
        examples: [{ name: 'a.jsonl', pairs: 2, has_completions: true, rationales: 0, sha256 }],
      }));
    take('1');
    await compress(studio, recipe);
    take('2');
    await compress(studio, recipe);
    expect(made()).toBe(2);
    await compress(studio, recipe);
    expect(made()).toBe(2);
    take('1');
    await compress(studio, recipe);
    expect(made()).toBe(2);
  });

  it('is a slice of the slider where a recipe says the same, and the other way round', async () => {
    const { studio, made, told } = await opened();
    await slice(studio);
    const { report } = studio.store.getState().results.runs[0];
    await compress(studio, { text: report.recipe, steps: [] });
    expect(made()).toBe(1);
    expect(told('recipe')).toEqual(['run-1']);
  });

  it('is only measured where that was cancelled', async () => {
    let isFirst = true;
    const { studio, engine } = studioWith({
      evaluate: ({ target }, _, signal) => {
        if (target === 'dense' || !isFirst) return perplexityReport(target, 80);
        isFirst = false;
        return untilCancelled(signal);
      },
    });
    await openModel(studio, DEMO);
    const slicing = slice(studio);
    await vi.waitFor(() => expect(isFirst).toBe(false));
    cancelJob(studio);
    await slicing;
    await slice(studio);
    expect(engine.kinds().slice(-3)).toEqual(['compress', 'evaluate', 'evaluate']);
    const { runs } = studio.store.getState().results;
    expect(runs.map(({ perplexity }) => perplexity?.perplexity)).toEqual([80]);
  });

  it('is forgotten when a job begins, and a quick measure is none', async () => {
    const { studio, told } = await opened();
    await slice(studio);
    await slice(studio);
    expect(told('slice')).toEqual(['run-1']);
    await measureAgain(studio);
    expect(told('slice')).toEqual([]);
  });

  it('is the answer of a search where the same size was asked for, and what another search comes to', async () => {
    const solution = (target_bytes: number): SolveReport => ({
      target_bytes,
      format: 'onnx',
      held_windows: 1,
      candidates: [{ recipe: 'gptq:bits=4', bytes: 2e6, predicted: 0.1, measured: 0.1 }],
      smallest_bytes: 1e6,
      duration_ms: 1,
    });
    const { studio, engine } = studioWith({
      solve: ({ target }) => solution((target as { bytes: number }).bytes),
      compress: () => recipeRun('run-1', FIGURES).report,
    });
    await openModel(studio, DEMO);
    await solveForSize(studio, 2e6, readRecipe);
    const before = engine.kinds().length;
    changeFront(studio.store, { target: 2e6 });
    await solveForSize(studio, 2e6, readRecipe);
    expect(engine.kinds().slice(before)).toEqual([]);
    expect(repeatAt(studio.store.getState(), 'target')).toEqual(['run-1']);
    await solveForSize(studio, 2.1e6, readRecipe);
    expect(engine.kinds().slice(before)).toEqual(['solve']);
    expect(repeatAt(studio.store.getState(), 'target')).toEqual(['run-1']);
    expect(studio.store.getState().job).toMatchObject({ state: 'finished', outcome: 'done' });
    await solveForSize(studio, 2.1e6, readRecipe, null, true);
    expect(engine.kinds().slice(before)).toEqual(['solve', 'solve', 'compress', 'evaluate']);
  });
});
