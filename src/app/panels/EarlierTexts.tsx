import { areTextsChanged } from '../store/texts.ts';
import { useStudioState } from '../studio.ts';

/** Under a button that makes something: runs are made with the texts that the model was measured with, not with those chosen since. */
export function EarlierTexts() {
  const isMeasured = useStudioState(({ results }) => results.dense !== null);
  const areOthers = useStudioState(areTextsChanged);
  if (!isMeasured || !areOthers) return null;
  return (
    <p className="field-note">
      With the texts measured so far. Others are chosen under Calibration: measure again to use them.
    </p>
  );
}
