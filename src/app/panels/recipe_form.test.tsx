import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../compress/options/fields.ts';
import { makeRecipe, stepsOf } from '../../compress/recipe/recipe.ts';
import { METHODS } from '../../compress/registry.ts';
import { FrontCard } from '../charts/FrontCard.tsx';
import { StudioProvider } from '../studio.ts';
import { MODEL, PROTOCOL, perplexityReport, recipeRun, studioWith } from '../testing.ts';
import ModelResult from './ModelResult.tsx';
import { RecipeSteps } from './RecipeSteps.tsx';
import RunsCard from './RunsCard.tsx';
import TargetPanel from './TargetPanel.tsx';

function markup(node: React.ReactNode): string {
  const { studio } = studioWith();
  const runs = [
    recipeRun('a', { bytes: 4e6, perplexity: 76, kl: 0.01 }),
    recipeRun('b', { bytes: 2e6, perplexity: 90, kl: 0.1 }),
  ];
  const measured = { model: MODEL, protocol: PROTOCOL, dense: perplexityReport('dense', 75.9), runs: runs };
  studio.store.setState(({ results }) => ({ results: { ...results, ...measured }, selected: 'a' }));
  // What is rendered once reads the store as it was made.
  studio.store.getInitialState = studio.store.getState;
  return renderToStaticMarkup(<StudioProvider value={studio}>{node}</StudioProvider>);
}

describe('the form of a recipe', () => {
  it('has a control for every option of every method, by its label, from the registry alone', () => {
    for (const method of METHODS) {
      const html = markup(<RecipeSteps inputs={[{ method: method.name }]} onChange={() => {}} />);
      const fields = fieldsOf(method.options);
      // A file has its chooser besides.
      const controls = (html.match(/<(?:input|select) /g) ?? []).length - (html.match(/type="file"/g) ?? []).length;
      // One more: the menu that adds a step.
      expect(controls, method.name).toBe(fields.length + 1);
      for (const { meta } of fields) expect(html, method.name).toContain(meta.label);
      expect(html).toContain(`<option value="${method.name}"`);
    }
  });

  it('writes what it shows: the steps of a text, and the same text of the steps', () => {
    const text = 'embed:bits=8; correct:ridge=1; gptq:bits=3,group=64,order=static';
    expect(makeRecipe(stepsOf(text)).text).toBe(text);
    const html = markup(<RecipeSteps inputs={stepsOf(text)} onChange={() => {}} />);
    expect(html.match(/<li class="step"/g)).toHaveLength(3);
    expect(html).toContain('value="64"');
  });
});

describe('the stage', () => {
  it('has the size target as a slider and as text, and every run as a row', () => {
    const front = markup(<FrontCard />);
    expect(front).toContain('aria-label="Size target"');
    expect(front).toMatch(/aria-valuetext="2\.6 MB, 32\.5 % of the original"/);
    const size = markup(<TargetPanel />);
    expect(size).toContain('Find and make it');
    expect(size).toContain('value="2.6 MB"');
    const table = markup(<RunsCard />);
    expect(table.match(/data-run=/g)).toHaveLength(3);
    expect(table).toContain('aria-label="Remove embed; gptq:bits=4"');
  });

  it('speaks of the run that was chosen', () => {
    const html = markup(<ModelResult />);
    expect(html).toContain('embed; gptq:bits=4');
    expect(html).toContain('Export this model');
  });
});
