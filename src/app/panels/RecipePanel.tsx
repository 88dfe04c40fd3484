import { useMemo } from 'react';
import { PRESETS } from '../../compress/recipe/presets.ts';
import { makeRecipe, type Recipe, type StepInput, stepsOf } from '../../compress/recipe/recipe.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { compress } from '../actions/compress.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Section } from '../components/Section.tsx';
import { TimeNote } from '../components/TimeNote.tsx';
import { BUSY } from '../store/job.ts';
import { useIsBusy, useLead } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { EarlierTexts } from './EarlierTexts.tsx';
import { FailureNote } from './FailureNote.tsx';
import { RecipePlan } from './RecipePlan.tsx';
import { RecipeSteps } from './RecipeSteps.tsx';
import { RecipeText } from './RecipeText.tsx';
import { RecipeTools } from './RecipeTools.tsx';
import { RepeatNote } from './RepeatNote.tsx';
import { type PlanState, usePlanOf } from './recipe_plans.ts';
import { useRecipeTime } from './recipe_time.ts';

/** Steps by form or as text, two views of one recipe; what it will make is told while it is changed. */
export default function RecipePanel() {
  const studio = useStudio();
  const text = useStudioState((state) => state.recipe) || PRESETS[0].recipe;
  const isMeasured = useStudioState((state) => state.results.model !== null && state.results.dense !== null);
  const isBusy = useIsBusy();
  const lead = useLead();
  const { inputs, recipe, error } = useMemo(() => read(text), [text]);
  const plan = usePlanOf(recipe);
  const setText = (next: string) => studio.store.setState({ recipe: next });
  const isPermitted = plan.report !== null && plan.report.refusals.length === 0;
  const seconds = useRecipeTime(recipe, isPermitted);
  const hindrance = hindranceOf(isBusy, isMeasured, recipe, plan);
  return (
    <Section title="Recipe">
      <fieldset className="presets" aria-label="Recipes to begin with">
        {PRESETS.map(({ label, recipe: preset, help }) => (
          <button
            key={label}
            type="button"
            title={help}
            aria-pressed={recipe?.text === preset}
            onClick={() => setText(preset)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {inputs && <RecipeSteps inputs={inputs} onChange={setText} />}
      {error && <ErrorNote title="This recipe cannot be" error={error} />}
      <ActionButton
        className={lead === 'make' ? 'wide strong' : 'wide'}
        data-action="compress"
        hindrance={hindrance}
        title="Runs the steps in order, then measures perplexity and divergence"
        onClick={() => recipe && void compress(studio, recipe)}
      >
        Run the recipe
      </ActionButton>
      <EarlierTexts />
      <RepeatNote place="recipe" onAgain={() => recipe && void compress(studio, recipe, { isAgain: true })} />
      <FailureNote place="recipe" again={({ kind }) => kind === 'recipe' && recipe && void compress(studio, recipe)} />
      <TimeNote seconds={seconds} />
      <RecipePlan plan={plan} />
      <RecipeText text={text} onChange={setText} isWrong={error !== null} />
      <RecipeTools recipe={recipe} />
    </Section>
  );
}

function hindranceOf(
  isBusy: boolean,
  isMeasured: boolean,
  recipe: Recipe | null,
  { report }: PlanState,
): string | null {
  if (isBusy) return BUSY;
  if (!isMeasured) return 'Measure the dense model first';
  if (!recipe) return 'This recipe cannot be';
  if (report?.lacks) return 'A file that it names is missing';
  return report && report.refusals.length > 0 ? 'This model does not permit a step' : null;
}

interface Reading {
  /** Null where the text is no list of steps; the form has nothing to show then. */
  inputs: StepInput[] | null;
  recipe: Recipe | null;
  error: ErrorData | null;
}

function read(text: string): Reading {
  let inputs: StepInput[] | null = null;
  try {
    inputs = stepsOf(text);
    return { inputs, recipe: makeRecipe(inputs), error: null };
  } catch (thrown) {
    return { inputs, recipe: null, error: toErrorData(thrown) };
  }
}
