import { useRef, useState } from 'react';
import type { Recipe } from '../../compress/recipe/recipe.ts';
import { linkOf } from '../actions/link.ts';
import { saveRecipe, takeRecipe } from '../actions/recipe_file.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { PopoverButton } from '../components/PopoverButton.tsx';
import { fileStem } from '../format.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** The recipe to a file and from one, its address to hand on, and those that were run before, of whichever model. */
export function RecipeTools({ recipe }: { recipe: Recipe | null }) {
  const studio = useStudio();
  const input = useRef<HTMLInputElement>(null);
  const made = useStudioState((state) => state.made);
  const [said, setSaid] = useState('');
  async function copyLink() {
    const link = linkOf(studio);
    history.replaceState(null, '', link);
    const isCopied = await navigator.clipboard.writeText(link).then(
      () => true,
      () => false,
    );
    setSaid(
      isCopied
        ? 'Link copied: recipe, size and settings; neither model nor texts of your own.'
        : 'The link stands in the address bar.',
    );
  }
  return (
    <>
      <div className="button-row recipe-tools">
        <ActionButton
          className="quiet"
          hindrance={!recipe && 'This recipe cannot be'}
          title="As JSON: to open here again, or for the headless command"
          onClick={() => recipe && void saveRecipe(recipe.steps, fileStem(recipe.text.slice(0, 60)))}
        >
          Save
        </ActionButton>
        <button
          type="button"
          className="quiet"
          title="A recipe’s JSON; dropping it does the same"
          onClick={() => input.current?.click()}
        >
          Open…
        </button>
        <input
          ref={input}
          type="file"
          hidden
          accept=".json"
          aria-label="Recipe file"
          onChange={({ target }) => {
            const file = target.files?.[0];
            // The same file can be chosen again after a failure.
            if (file) void takeRecipe(studio, file);
            target.value = '';
          }}
        />
        <button
          type="button"
          className="quiet"
          title="An address that opens this page with these settings"
          onClick={() => void copyLink()}
        >
          Copy link
        </button>
        {made.length > 0 && (
          <PopoverButton label="Earlier" title="Recipes that were run, of this model or another">
            <div className="menu made-before">
              {made.toReversed().map((each) => (
                <button
                  key={each.recipe}
                  type="button"
                  title={each.recipe}
                  onClick={() => studio.store.setState({ recipe: each.recipe })}
                >
                  <code>{each.recipe}</code> <span className="muted">{each.model}</span>
                </button>
              ))}
            </div>
          </PopoverButton>
        )}
      </div>
      <p className="field-note muted" role="status">
        {said}
      </p>
    </>
  );
}
