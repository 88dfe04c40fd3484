import { useId, useState } from 'react';
import { changeEdits, takeDimensions } from '../../actions/site_dimensions.ts';
import { ActionButton } from '../../components/ActionButton.tsx';
import { NumberField } from '../../components/NumberField.tsx';
import { SiteSelect } from '../../components/SiteSelect.tsx';
import { RepeatNote } from '../../panels/RepeatNote.tsx';
import { BUSY } from '../../store/job.ts';
import type { Plan } from '../../store/plan.ts';
import { useIsBusy } from '../../store/selectors.ts';
import { byKeptEnergy, type SiteEdits, sameEverywhere, withDimension } from '../../store/site_dimensions.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import type { EditedSite } from './SiteEditorCard.tsx';

interface Props {
  rows: readonly EditedSite[];
  at: number;
  plan: Plan;
  edits: SiteEdits;
  isEdited: boolean;
  hiddenSize: number;
  onLock: (row: EditedSite) => void;
}

const NONE: readonly never[] = [];

/** The chosen site by number, all of them by a rule, and what is made of it. */
export function EditorTools({ rows, at, plan, edits, isEdited, hiddenSize, onLock }: Props) {
  const studio = useStudio();
  const [choice, lock] = [useId(), useId()];
  const spectra = useStudioState((state) => state.results.spectra);
  const isMeasured = useStudioState((state) => state.results.dense !== null);
  const isBusy = useIsBusy();
  const [share, setShare] = useState(99);
  const row = rows[at];
  const notYet = spectra?.is_complete ? null : 'Not all sites are calibrated yet';
  const hindrance = isBusy ? BUSY : isMeasured ? notYet : 'Measure the dense model first';
  return (
    <>
      <div className="tool-group">
        <div className="field">
          <label htmlFor={choice}>Site</label>
          <SiteSelect id={choice} sites={spectra?.sites ?? NONE} value={row.site} />
        </div>
        <NumberField
          label="Keeps"
          value={row.dimension}
          least={1}
          most={hiddenSize}
          onChange={(wanted) => changeEdits(studio, (now) => withDimension(now, row.site, wanted, hiddenSize))}
        />
        <label className="tool-check" htmlFor={lock}>
          <input id={lock} type="checkbox" checked={row.isLocked} disabled={row.isFixed} onChange={() => onLock(row)} />
          Locked
        </label>
      </div>
      <div className="tool-group">
        <NumberField
          label="Multiple of"
          value={edits.multiple}
          least={1}
          most={hiddenSize}
          onChange={(multiple) => changeEdits(studio, (now) => ({ ...now, multiple }))}
        />
        <NumberField label="Variance, %" value={share} least={1} most={100} step={0.01} onChange={setShare} />
        <ActionButton
          hindrance={notYet}
          title="Every site that is not locked keeps this share of its variance, with as few dimensions as do"
          onClick={() => changeEdits(studio, (now) => byKeptEnergy(now, plan, spectra?.sites ?? [], share / 100))}
        >
          Keep {share} % everywhere
        </ActionButton>
        <ActionButton
          hindrance={isEdited ? null : 'All are as the slider has them'}
          title="Every site that is not locked as the slider has it"
          onClick={() => changeEdits(studio, sameEverywhere)}
        >
          Same everywhere
        </ActionButton>
      </div>
      <div className="tool-group">
        <ActionButton
          hindrance={notYet}
          title="They stand in the recipe then, to be joined with other steps"
          onClick={() => void takeDimensions(studio, 'recipe')}
        >
          Into the recipe
        </ActionButton>
        <ActionButton
          className={isEdited ? 'strong' : undefined}
          hindrance={hindrance}
          title="Slices by these dimensions, then measures perplexity"
          onClick={() => void takeDimensions(studio, 'run')}
        >
          Slice by these
        </ActionButton>
      </div>
      <RepeatNote place="sites" onAgain={() => void takeDimensions(studio, 'run', true)} />
    </>
  );
}
