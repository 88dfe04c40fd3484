import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeRecipe, parseRecipe, stepsOf } from '../../compress/recipe/recipe.ts';
import { METHODS } from '../../compress/registry.ts';
import { NO_RESULTS } from '../store/results.ts';
import { MODEL, studioWith } from '../testing.ts';
import { answer } from './ask.ts';
import { isRecipe } from './dropped_recipe.ts';
import { openFiles } from './open_model.ts';
import { saveRecipe } from './recipe_file.ts';

const saved: { name: string; blob: Blob }[] = [];
vi.mock('../../platform/download.ts', () => ({
  downloadBlob: async (blob: Blob, name: string) => void saved.push({ name, blob }),
}));
afterEach(() => void saved.splice(0));

const picked = (name: string, text: string) => ({ path: name, file: new File([text], name) });

describe('a recipe as a file', () => {
  it('of every method that stands alone means the same when it is read again', async () => {
    for (const { name, role = 'step' } of METHODS) {
      if (role !== 'step') continue;
      const recipe = makeRecipe([{ method: name }]);
      await saveRecipe(recipe.steps, 'mine');
      const text = await saved.at(-1)?.blob.text();
      expect(parseRecipe(String(text)).steps, name).toEqual(recipe.steps);
    }
    expect(saved[0].name).toBe('mine.recipe.json');
  });

  it('is told from what belongs to a model', async () => {
    const steps = [{ method: 'rtn' }];
    expect(await isRecipe([picked('a.json', JSON.stringify({ steps }))])).toBe(true);
    expect(await isRecipe([picked('a.json', JSON.stringify(steps))])).toBe(true);
    for (const text of ['{"model_type": "llama"}', '[]', '{"steps": [3, null]}', 'null', '{"steps"', '"steps"'])
      expect(await isRecipe([picked('config.json', text)]), text).toBe(false);
    expect(await isRecipe([])).toBe(false);
  });

  it('that is dropped takes the place of the one at hand, beside the model that is open', async () => {
    const { studio, engine } = studioWith({});
    studio.store.setState({ results: { ...NO_RESULTS, model: MODEL }, recipe: 'rtn:bits=8' });
    await openFiles(studio, [
      picked('b.json', '{"steps": [{"method": "embed", "options": {"bits": 8}}, {"method": "rtn"}]}'),
    ]);
    expect(studio.store.getState().recipe).toBe('embed:bits=8; rtn');
    expect(stepsOf(studio.store.getState().recipe)).toHaveLength(2);
    expect(engine.commands).toEqual([]);
  });

  it('that cannot be read says why, and the one at hand stays', async () => {
    const { studio } = studioWith({});
    studio.store.setState({ results: { ...NO_RESULTS, model: MODEL }, recipe: 'rtn:bits=8' });
    const taken = openFiles(studio, [picked('c.recipe.json', '{"steps": [')]);
    await vi.waitFor(() => expect(studio.store.getState().question?.title).toBe('c.recipe.json is no recipe'));
    expect(studio.store.getState().question?.lines.join(' ')).toMatch(/JSON/);
    answer(studio, null);
    await taken;
    expect(studio.store.getState().recipe).toBe('rtn:bits=8');
  });
});
