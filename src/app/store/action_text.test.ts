import { expect, it } from 'vitest';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { toErrorData } from '../../errors/errors.ts';
import { actionOnPage } from './action_text.ts';

it.each([
  ['Did you mean bits? --help rtn explains them.', 'Did you mean bits?'],
  ['--methods lists all with what they do.', ''],
  ['Take longer windows (--seqlen), or shorter prompts.', 'Take longer windows, or shorter prompts.'],
  [
    'Drop both folders together, or give --adapter. Merge others first.',
    'Drop both folders together. Merge others first.',
  ],
  ['Use a longer text or shorter windows.', 'Use a longer text or shorter windows.'],
])('%s', (action, shown) => {
  expect(actionOnPage(action)).toBe(shown);
});

it.each(['nonsense', 'rtn:bitz=4', 'rtn:bits=4; correct', 'depth:layers=9'])(
  'a wrong recipe names no option of the command: %s',
  (recipe) => {
    try {
      parseRecipe(recipe);
      expect.unreachable();
    } catch (thrown) {
      const { action } = toErrorData(thrown);
      expect(action).toContain('--');
      expect(actionOnPage(action ?? '')).not.toContain('--');
    }
  },
);
