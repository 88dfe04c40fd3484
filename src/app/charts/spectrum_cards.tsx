/** @file Spectrum and discarded energy: what the slider cuts, before anything is computed. */
import { useMemo, useState } from 'react';
import { discardedEnergy } from '../../engine/plan.ts';
import { cutAt } from '../actions/cut.ts';
import { preview } from '../actions/preview.ts';
import { ChartCard } from '../components/ChartCard.tsx';
import { Legend } from '../components/Legend.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { SiteSelect } from '../components/SiteSelect.tsx';
import { formatPercent, formatScientific } from '../format.ts';
import { energies, firstBasisNote } from '../store/plan.ts';
import { useEdited, useIsShort } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { spectrumRows, TOO_SHORT } from './chart_data.ts';

const SpectrumChart = lazyPart(() => import('./SpectrumChart.tsx'));
const SpectrumMultiples = lazyPart(() => import('./SpectrumMultiples.tsx'));
const EnergyChart = lazyPart(() => import('./EnergyChart.tsx'));

const CUT_LEGEND = <Legend marks={[{ mark: 'cut', label: 'cut away' }]} />;

export function SpectrumCard() {
  const studio = useStudio();
  const { store } = studio;
  const [isAll, setAll] = useState(false);
  const sites = useStudioState((state) => state.results.spectra?.sites ?? NONE);
  const chosen = useStudioState((state) => state.site);
  const { plan } = useEdited();
  const isRefused = useIsRefused();
  const isShort = useIsShort();
  const site = sites.find((other) => other.site === chosen) ?? sites[0];
  const rows = useMemo(() => (site ? spectrumRows(site.eigenvalues) : []), [site]);
  const hiddenSize = site?.eigenvalues.length ?? 0;
  const dimension = (site && plan?.dimensions[site.site]) ?? hiddenSize;
  return (
    <ChartCard
      title="Eigenvalues"
      className="spectrum-card"
      controls={
        sites.length > 0 && (
          <>
            <button type="button" className="quiet" aria-pressed={isAll} onClick={() => setAll(!isAll)}>
              All
            </button>
            <SiteSelect label="Site" sites={sites} value={site?.site} />
          </>
        )
      }
      summary={
        site && (
          <span>
            {isShort ? (
              'too few calibration tokens to tell what is cut'
            ) : dimension < hiddenSize ? (
              <>
                keeps {dimension} of {hiddenSize}, discards{' '}
                <strong>{formatPercent(discardedEnergy(site.eigenvalues, dimension))}</strong>
              </>
            ) : (
              'not cut'
            )}
          </span>
        )
      }
      note={(site?.site === 0 && plan && firstBasisNote(plan.head)) || undefined}
      legend={CUT_LEGEND}
      empty={
        isRefused
          ? NOT_SLICEABLE
          : 'The spectrum of every site, on a log scale, comes from calibration. The cut line follows the slider.'
      }
      columns={[
        { name: 'Index', value: (row) => row.index },
        {
          name: 'Eigenvalue',
          value: (row) => (row.eigenvalue === null ? '0' : formatScientific(row.eigenvalue)),
          csv: [{ name: 'eigenvalue', value: ({ index }) => site?.eigenvalues[index - 1] }],
        },
        { name: 'Kept', value: (row) => (row.index <= dimension ? 'kept' : 'cut'), isText: true },
      ]}
      rows={rows}
      allRows={() => Array.from(site?.eigenvalues ?? [], (eigenvalue, at) => ({ index: at + 1, eigenvalue }))}
    >
      {isAll ? (
        <SpectrumMultiples
          sites={sites}
          dimensions={plan?.dimensions ?? NONE}
          selected={site?.site ?? 0}
          onSelect={(next) => store.setState({ site: next })}
        />
      ) : (
        <SpectrumChart
          rows={rows}
          hiddenSize={hiddenSize}
          dimension={dimension}
          onCut={(kept) => cutAt(studio, kept)}
          onRelease={() => void preview(studio)}
        />
      )}
    </ChartCard>
  );
}

export function EnergyCard() {
  const { store } = useStudio();
  const sites = useStudioState((state) => state.results.spectra?.sites ?? NONE);
  const chosen = useStudioState((state) => state.site);
  const { plan } = useEdited();
  const isRefused = useIsRefused();
  const isShort = useIsShort();
  const rows = useMemo(() => (plan && !isShort ? energies(sites, plan) : []), [sites, plan, isShort]);
  const worst = rows.reduce((most, row) => Math.max(most, row.discarded), 0);
  return (
    <ChartCard
      title="Discarded energy"
      className="spectrum-card"
      summary={
        rows.length > 0 && (
          <span>
            by site, at most <strong>{formatPercent(worst)}</strong>
          </span>
        )
      }
      note={(rows.length > 0 && plan && firstBasisNote(plan.head)) || undefined}
      legend={CUT_LEGEND}
      empty={
        isRefused
          ? NOT_SLICEABLE
          : isShort
            ? TOO_SHORT
            : 'How much of each site’s variance the cut removes: drawn after calibration, redrawn as the slider moves.'
      }
      columns={[
        { name: 'Site', value: (row) => row.label, isText: true },
        {
          name: 'Discarded energy',
          value: (row) => (row.is_cut ? formatPercent(row.discarded) : 'not cut'),
          csv: [{ name: 'discarded_share_of_variance', value: (row) => (row.is_cut ? row.discarded : 0) }],
        },
      ]}
      rows={rows}
    >
      <EnergyChart energies={rows} selected={chosen} onSelect={(site) => store.setState({ site })} />
    </ChartCard>
  );
}

const NONE: never[] = [];

const NOT_SLICEABLE = 'This model cannot be sliced, so nothing is calibrated and there is nothing to cut.';

function useIsRefused(): boolean {
  return useStudioState((state) => state.results.model?.shape.slicing_refusal !== undefined);
}
