import { memo, type PointerEvent, useId, useState } from 'react';
import { formatPercent } from '../format.ts';
import type { SiteEnergy } from '../store/plan.ts';
import { niceTicks, tickText } from './axis.ts';
import { siteName } from './chart_data.ts';
import { Hatch } from './Hatch.tsx';
import { Axes } from './plot/Axes.tsx';
import { barsPath, columnAt, columnsIn, spacedLabels } from './plot/columns.ts';
import { Hint } from './plot/Hint.tsx';
import { MARGINS, type Place, Plot } from './plot/Plot.tsx';
import { useSame } from './plot/same.ts';

/** Shares below are rounding: an axis of theirs would have no figures that can be read. */
const LEAST = 1e-4;

/** Figures as long as "0.005 %" beside the axis' name. */
const ROOMY = { ...MARGINS, left: 74 };

interface Props {
  energies: readonly SiteEnergy[];
  selected: number;
  onSelect: (site: number) => void;
}

/** A column a site; a press anywhere in a column chooses its site. */
export default function EnergyChart({ energies, selected, onSelect }: Props) {
  const [hover, setHover] = useState<{ x: number; y: number; index: number } | null>(null);
  const most = energies.reduce((largest, { discarded }) => Math.max(largest, discarded), LEAST);
  // The same objects as long as nothing of them changes: axes are then not drawn anew.
  const ticks = niceTicks(0, most);
  const scale = useSame(ticks, ticks.ticks.join(' '));
  const top = scale.domain[1];
  const names = energies.map(({ label }) => siteName(label));
  const labels = useSame(names, names.join('\n'));
  function pointer(event: PointerEvent, at: { x: number; y: number }, place: Place) {
    const index = event.type === 'pointerleave' ? null : columnAt(at.x, place, energies.length);
    if (event.type === 'pointerdown' && index !== null) onSelect(energies[index].site);
    setHover(index === null ? null : { ...at, index });
  }
  const row = hover && energies[hover.index];
  return (
    <Plot
      margins={ROOMY}
      onPointer={pointer}
      cursor={hover ? 'pointer' : undefined}
      over={(place) =>
        hover &&
        row && (
          <Hint
            at={hover}
            place={place}
            title={row.label}
            lines={[{ name: 'discarded', value: row.is_cut ? formatPercent(row.discarded) : 'nothing, not cut' }]}
          />
        )
      }
    >
      {(place) => (
        <>
          {hover && <Column place={place} count={energies.length} index={hover.index} />}
          <EnergyAxes labels={labels} scale={scale} {...place} />
          <Bars energies={energies} selected={selected} top={top} place={place} />
        </>
      )}
    </Plot>
  );
}

const EnergyAxes = memo(function EnergyAxes({
  labels,
  scale,
  ...place
}: Place & { labels: readonly string[]; scale: ReturnType<typeof niceTicks> }) {
  const text = tickText(scale.ticks, 0.01, ' %');
  const height = place.bottom - place.top;
  return (
    <Axes
      place={place}
      xTicks={spacedLabels(labels, columnsIn(place, labels.length))}
      yTicks={scale.ticks.map((tick) => ({ at: place.bottom - (tick / scale.domain[1]) * height, text: text(tick) }))}
      xLabel="layer and site"
      yLabel="share of variance"
    />
  );
});

function Column({ place, count, index }: { place: Place; count: number; index: number }) {
  const { step, left } = columnsIn(place, count);
  return (
    <rect x={left + index * step} y={place.top} width={step} height={place.bottom - place.top} fill="var(--hover)" />
  );
}

function Bars({
  energies,
  selected,
  top,
  place,
}: {
  energies: readonly SiteEnergy[];
  selected: number;
  top: number;
  place: Place;
}) {
  const id = useId();
  const shares = energies.map(({ discarded }) => discarded / top);
  const at = energies.findIndex(({ site }) => site === selected);
  return (
    <>
      <defs>
        <Hatch id={id} />
      </defs>
      <path d={barsPath(shares, place)} fill={`url(#${id})`} stroke="var(--cut)" />
      {at >= 0 && <path d={barsPath(shares, place, at)} fill={`url(#${id})`} stroke="var(--sliced)" strokeWidth="2" />}
    </>
  );
}
