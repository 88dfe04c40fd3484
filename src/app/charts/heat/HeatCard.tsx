/** @file Layer by layer: where the damage is, as a map, as a table, and as bits that can be changed. */
import { useMemo, useState } from 'react';
import { ChartCard } from '../../components/ChartCard.tsx';
import { formatPercent } from '../../format.ts';
import { energyMap, type HeatSource, stepSources } from '../../store/heat.ts';
import { energies } from '../../store/plan.ts';
import { useEdited, useIsShort } from '../../store/selectors.ts';
import { useStudioState } from '../../studio.ts';
import { TOO_SHORT } from '../chart_data.ts';
import { HeatGrid } from './HeatGrid.tsx';
import { HeatKey } from './HeatKey.tsx';

const TITLE = 'Damage, layer by layer';

export default function HeatCard() {
  const sites = useStudioState((state) => state.results.spectra?.sites);
  const runs = useStudioState((state) => state.results.runs);
  const { plan } = useEdited();
  const steps = useMemo(() => stepSources({ runs }), [runs]);
  // What goes with directions that the text has no say in cannot be told.
  const isShort = useIsShort();
  const planned = useMemo((): HeatSource[] => {
    if (!sites || !plan || sites.length < 2 || isShort) return [];
    return [{ key: 'plan', label: 'What slicing would discard', map: energyMap(energies(sites, plan), sites) }];
  }, [sites, plan, isShort]);
  const sources = [...planned, ...steps];
  // Of the newest run until another is chosen.
  const [chosen, choose] = useState<string | null>(null);
  const source = sources.find(({ key }) => key === chosen) ?? sources.at(-1);
  const rows = useMemo(() => (source ? [...source.map.cells, ...besideRows(source)] : []), [source]);
  if (!source) {
    if (!isShort || !sites) return null;
    return (
      <ChartCard title={TITLE} className="heat-card" empty={TOO_SHORT} columns={[]} rows={[]}>
        {null}
      </ChartCard>
    );
  }
  const { map } = source;
  const worst = map.cells.reduce((most, cell) => (cell.value > most.value ? cell : most), map.cells[0]);
  return (
    <ChartCard
      title={TITLE}
      className={map.rows.length > 3 ? 'heat-card heat-tall' : 'heat-card'}
      controls={
        <select aria-label="Damage of" value={source.key} onChange={(event) => choose(event.target.value)}>
          {sources.map(({ key, label }) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      }
      summary={
        worst && (
          <span>
            {map.meaning}, most at {worst.label}: <strong>{formatPercent(worst.value)}</strong>
          </span>
        )
      }
      note={map.beside.length > 0 ? besideNote(source) : undefined}
      legend={<HeatKey map={map} />}
      empty="Which layer and which linear loses how much."
      columns={[
        { name: 'Place', value: (row) => row.label, isText: true },
        { name: 'Layer', value: (row) => (row.layer < 0 ? '–' : row.layer) },
        { name: 'Row', value: (row) => row.row, isText: true },
        {
          name: 'Lost',
          value: (row) => formatPercent(row.value),
          csv: [{ name: 'share_lost', value: (row) => row.value }],
        },
      ]}
      rows={rows}
    >
      <HeatGrid map={map} />
    </ChartCard>
  );
}

function besideRows({ map }: HeatSource) {
  return map.beside.map(({ label, value }) => ({ layer: -1, row: '–', value, label }));
}

function besideNote({ map }: HeatSource): string {
  return `Beside the layers: ${map.beside.map(({ label, value }) => `${label} ${formatPercent(value)}`).join(' · ')}`;
}
