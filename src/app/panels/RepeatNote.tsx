import { measureAgain } from '../actions/open_model.ts';
import { goToRun } from '../actions/repeat.ts';
import { formatPerplexity } from '../format.ts';
import { labelOf } from '../store/front.ts';
import { type RepeatPlace, repeatAt } from '../store/repeat.ts';
import { findRun } from '../store/results.ts';
import { areTextsChanged } from '../store/texts.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  place: RepeatPlace;
  /** Makes it all the same. */
  onAgain: () => void;
}

/** That what a button asks for is there already; the place is there before, so that screen readers tell what comes into it. */
export function RepeatNote({ place, onAgain }: Props) {
  const studio = useStudio();
  // Runs are made with the texts that the model was measured with, not with those chosen since.
  const areOthers = useStudioState(areTextsChanged);
  const ids = useStudioState((state) => repeatAt(state, place));
  const run = useStudioState((state) => findRun(state.results, ids.at(-1) ?? ''));
  const isOne = ids.length === 1;
  const alike = areOthers ? 'the same settings and the texts measured with so far' : 'the same texts and settings';
  return (
    <div role="status" className="repeat">
      {run && (
        <div className="notice">
          <p>
            {isOne ? (
              <>
                Made before with {alike}: <strong>{labelOf(run)}</strong>
                {run.perplexity && `, perplexity ${formatPerplexity(run.perplexity.perplexity)}`}.
              </>
            ) : (
              `All ${ids.length} were made before with ${alike}.`
            )}
            {areOthers && ' Other texts or windows were chosen since: measure the model with them first.'}
          </p>
          <div className="button-row wrapping">
            <button type="button" onClick={() => goToRun(run.id)}>
              {isOne ? 'Show it in the table' : 'Show them in the table'}
            </button>
            <button type="button" onClick={areOthers ? () => void measureAgain(studio) : onAgain}>
              {areOthers ? 'Measure again' : isOne ? 'Make it again' : 'Make them again'}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
