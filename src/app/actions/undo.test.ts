import { describe, expect, it, vi } from 'vitest';
import { stepOf } from '../keyboard.ts';
import { withDimension, withLock } from '../store/site_dimensions.ts';
import { changeFront, changeSettings } from '../store/store.ts';
import { MODEL, recipeRun, studioWith } from '../testing.ts';
import { openModel } from './open_model.ts';
import { freeRemoved, nameRun, pinRun, putRunBack, takeRunAway } from './runs.ts';
import { changeEdits } from './site_dimensions.ts';
import { slice, sweep } from './slice.ts';
import { History } from './undo.ts';

/** A studio whose clock stands still unless it is moved: whatever is done at once is one step. */
async function remembering(isOpen = true) {
  const { studio, engine } = studioWith();
  if (isOpen) await openModel(studio, { kind: 'demo' });
  let now = 0;
  const history = new History(studio, () => now);
  history.start();
  studio.history = history;
  const { store } = studio;
  const state = () => store.getState();
  return { studio, engine, store, state, history, later: () => (now += 2000) };
}

describe('undo and redo', () => {
  it('takes settings back one after another, and again; a drag is one step', async () => {
    const { store, state, history, later } = await remembering(false);
    for (const sparsity_percent of [26, 27, 30]) changeSettings(store, { sparsity_percent });
    later();
    changeSettings(store, { round: 16 });
    later();
    store.setState({ recipe: 'rtn:bits=4' });
    later();
    changeFront(store, { x: 'parameters' });
    expect(state().steps).toMatchObject({ undo: 'axis bytes → parameters', redo: null });
    expect([history.undo(), history.undo(), history.undo(), history.undo(), history.undo()]).toEqual([
      'axis bytes → parameters',
      'recipe',
      'rounding 8 → 16',
      'sparsity 25 → 30',
      null,
    ]);
    expect(state()).toMatchObject({ settings: { sparsity_percent: 25, round: 8 }, recipe: '', front: { x: 'bytes' } });
    expect(state().steps).toMatchObject({ undo: null, redo: 'sparsity 25 → 30', said: 'Undone: sparsity 25 → 30' });
    while (history.redo());
    expect(state()).toMatchObject({
      settings: { sparsity_percent: 30, round: 16 },
      recipe: 'rtn:bits=4',
      front: { x: 'parameters' },
    });
  });

  it('takes dimensions of sites back: a drag is one step, and they hold where the slider stood then', async () => {
    const { studio, state, history, later } = await remembering();
    const drag = (site: number, wanted: number) => changeEdits(studio, (now) => withDimension(now, site, wanted, 256));
    for (const wanted of [128, 112, 104]) drag(1, wanted);
    later();
    changeEdits(studio, (now) => withLock(now, 1, 104, true));
    expect(state().edits).toMatchObject({ own: { 1: 104 }, locked: [1] });
    expect(history.undo()).toBe('dimensions by site');
    expect(state().edits).toMatchObject({ own: { 1: 104 }, locked: [] });
    history.undo();
    expect(state().edits.own).toEqual({});
    while (history.redo());
    expect(state().edits).toMatchObject({ fingerprint: 'f1', own: { 1: 104 }, locked: [1] });
  });

  it('forgets what was undone once something else is chosen', async () => {
    const { store, state, history } = await remembering(false);
    changeSettings(store, { sparsity_percent: 40 });
    history.undo();
    changeSettings(store, { round: 4 });
    expect(history.redo()).toBeNull();
    expect(state().steps).toMatchObject({ undo: 'rounding 8 → 4', redo: null });
  });

  it('remembers neither theme nor backend; a sweep changes no setting', async () => {
    const { studio, store, history } = await remembering();
    changeSettings(store, { theme: 'dark', backend: 'cpu' });
    await sweep(studio);
    expect(history.undo()).toBeNull();
  });

  it('brings removed runs back, all of them, with names and pins in between', async () => {
    const { studio, state, history, engine } = await remembering();
    const { store } = studio;
    store.setState(({ results }) => ({
      results: {
        ...results,
        runs: ['r1', 'r2'].map((id) => recipeRun(id, { bytes: 1, perplexity: 80, kl: 0.1 })),
      },
    }));
    expect(history.undo(), 'a run that was made is no step').toBeNull();
    nameRun(studio, 'r1', 'First');
    pinRun(studio, 'r2', true);
    takeRunAway(studio, 'r1');
    takeRunAway(studio, 'r2');
    const ids = () => state().results.runs.map(({ id }) => id);
    expect(ids()).toEqual([]);
    expect(history.undo()).toMatch(/^removal of/);
    expect(history.undo()).toBe('removal of First');
    expect(ids().sort()).toEqual(['r1', 'r2']);
    expect(history.undo()).toMatch(/^pin of/);
    expect(history.undo()).toMatch(/^name of/);
    expect(state().results.runs.map(({ name, is_pinned }) => [name, is_pinned ?? false])).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
    while (history.redo());
    expect(ids()).toEqual([]);
    expect(state().results.removed.map(({ name }) => name)).toEqual(['First', undefined]);
    expect(engine.kinds()).not.toContain('discard');
  });

  it('offers no run that was freed, or put back by its own button', async () => {
    const { studio, state, history } = await remembering();
    await slice(studio);
    const [{ id }] = state().results.runs;
    takeRunAway(studio, id);
    putRunBack(studio, id);
    expect(state().steps.undo).toBeNull();
    takeRunAway(studio, id);
    await freeRemoved(studio, id);
    expect(state().steps).toMatchObject({ undo: null, redo: null });
    expect(history.undo()).toBeNull();
  });

  it('measures where the slider stands again, as letting go of it would', async () => {
    const { studio, engine, history } = await remembering();
    changeSettings(studio.store, { sparsity_percent: 40 });
    const sent = engine.commands.length;
    history.undo();
    await vi.waitFor(() => expect(engine.commands.length).toBe(sent + 2));
    expect(engine.commands.at(-2)).toMatchObject({
      kind: 'compress',
      request: { steps: [{ method: 'slicegpt', options: { sparsity: 0.25 } }] },
    });
  });

  it('begins anew with another model', async () => {
    const { studio, history } = await remembering();
    changeSettings(studio.store, { round: 4 });
    studio.store.setState(({ results }) => ({ results: { ...results, model: { ...MODEL } } }));
    expect(history.undo()).toBeNull();
  });
});

it('keys: Ctrl or Cmd with Z, Shift+Z and Y', () => {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  const pressed = (key: string, with_: Partial<typeof none> = {}) => stepOf({ key, ...none, ...with_ });
  expect(pressed('z', { ctrlKey: true })).toBe('undo');
  expect(pressed('Z', { metaKey: true })).toBe('undo');
  expect(pressed('Z', { ctrlKey: true, shiftKey: true })).toBe('redo');
  expect(pressed('y', { ctrlKey: true })).toBe('redo');
  expect([pressed('z'), pressed('y', { metaKey: true }), pressed('z', { ctrlKey: true, altKey: true })]).toEqual([
    null,
    null,
    null,
  ]);
});
