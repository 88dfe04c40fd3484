/** @file Kept dimension of every site: bars that are dragged, locked, set by kept variance; by keyboard as well. */
import { discardedEnergy } from '../../../engine/plan.ts';
import { changeEdits } from '../../actions/site_dimensions.ts';
import { ChartCard } from '../../components/ChartCard.tsx';
import { Legend } from '../../components/Legend.tsx';
import { formatBytes, formatChange, formatPercent } from '../../format.ts';
import { useEdited } from '../../store/selectors.ts';
import { isFixed, withDimension, withLock } from '../../store/site_dimensions.ts';
import { chosenPrecision, slicedTotal } from '../../store/sizes.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import { EditorTools } from './EditorTools.tsx';
import { SiteBars } from './SiteBars.tsx';
import { SiteKeys } from './SiteKeys.tsx';

export interface EditedSite {
  site: number;
  label: string;
  dimension: number;
  discarded: number;
  isLocked: boolean;
  /** The head keeps it whole. */
  isFixed: boolean;
}

export default function SiteEditorCard() {
  const studio = useStudio();
  const model = useStudioState((state) => state.results.model);
  const spectra = useStudioState((state) => state.results.spectra?.sites);
  const chosen = useStudioState((state) => state.site);
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const { plan, edits, isEdited } = useEdited();
  if (!model || !plan || !spectra || model.shape.slicing_refusal !== undefined) return null;
  const hiddenSize = model.shape.hidden_size;
  const rows = spectra.map(({ site, label, eigenvalues }): EditedSite => {
    const dimension = plan.dimensions[site];
    const isLocked = edits.locked.includes(site);
    return {
      site,
      label,
      dimension,
      discarded: discardedEnergy(eigenvalues, dimension),
      isLocked,
      isFixed: isFixed(plan, site),
    };
  });
  const at = Math.max(
    0,
    rows.findIndex(({ site }) => site === chosen),
  );
  const bytes = slicedTotal(model, plan, precision);
  const choose = (site: number) => studio.store.setState({ site });
  const set = (site: number, wanted: number) =>
    changeEdits(studio, (now) => withDimension(now, site, wanted, hiddenSize));
  const lock = ({ site, dimension, isLocked }: EditedSite) =>
    changeEdits(studio, (now) => withLock(now, site, dimension, !isLocked));
  return (
    <ChartCard
      title="Dimensions by site"
      className="editor-card"
      summary={
        <span>
          {isEdited ? 'by hand' : 'as the slider has them'}: <strong>{formatBytes(bytes)}</strong>{' '}
          {formatChange(bytes / model.bytes - 1)}
        </span>
      }
      legend={<Legend marks={[{ mark: 'cut', label: 'cut away' }]} />}
      tools={
        <EditorTools
          rows={rows}
          at={at}
          plan={plan}
          edits={edits}
          isEdited={isEdited}
          hiddenSize={hiddenSize}
          onLock={lock}
        />
      }
      empty="The kept dimension of every site, to be changed one by one, once the model is calibrated."
      columns={[
        { name: 'Site', value: (row) => row.label, isText: true },
        { name: 'Kept', value: (row) => row.dimension },
        { name: 'Of', value: () => hiddenSize },
        {
          name: 'Discarded energy',
          value: (row) => formatPercent(row.discarded),
          csv: [{ name: 'discarded_share_of_variance', value: (row) => row.discarded }],
        },
        { name: 'Locked', value: (row) => (row.isLocked ? 'locked' : ''), isText: true },
      ]}
      rows={rows}
      overlay={
        <SiteKeys
          rows={rows}
          at={at}
          hiddenSize={hiddenSize}
          multiple={edits.multiple}
          onChoose={choose}
          onSet={set}
          onLock={lock}
        />
      }
    >
      <SiteBars rows={rows} at={at} hiddenSize={hiddenSize} onChoose={choose} onSet={set} />
    </ChartCard>
  );
}
