import { memo, type PointerEvent, useMemo, useState } from 'react';
import { discardedEnergy } from '../../engine/plan.ts';
import type { SiteReport } from '../../engine/protocol.ts';
import { formatPercent } from '../format.ts';
import { siteName, spectrumRows, thin } from './chart_data.ts';
import { Hint } from './plot/Hint.tsx';
import { type Place, Plot } from './plot/Plot.tsx';
import { logPath, logScaleOf } from './plot/spectrum_lines.ts';

interface Props {
  sites: readonly SiteReport[];
  /** Kept dimension of every site. */
  dimensions: readonly number[];
  selected: number;
  onSelect: (site: number) => void;
}

const MARGINS = { left: 2, right: 2, top: 2, bottom: 2 } as const;
/** Points of one small curve, and the pixels it has at least. */
const POINTS = 60;
const ASPECT = 1.5;
const [NAME, GAP] = [13, 4];

interface Tile {
  site: SiteReport;
  place: Place;
}

/** Every spectrum on one scale, so that they can be compared; the cut as a line through each. */
export default function SpectrumMultiples({ sites, dimensions, selected, onSelect }: Props) {
  const [hover, setHover] = useState<{ x: number; y: number; site: SiteReport } | null>(null);
  const rows = useMemo(() => sites.map(({ eigenvalues }) => thinned(eigenvalues)), [sites]);
  const scale = useMemo(() => logScaleOf(rows.flatMap((each) => each.map(({ eigenvalue }) => eigenvalue))), [rows]);
  function pointer(event: PointerEvent, at: { x: number; y: number }, place: Place) {
    const tile = tilesIn(place, sites).find(
      ({ place: { left, right, top, bottom } }) => at.x >= left && at.x < right && at.y >= top - NAME && at.y < bottom,
    );
    if (event.type === 'pointerdown' && tile) onSelect(tile.site.site);
    setHover(event.type === 'pointerleave' || !tile ? null : { ...at, site: tile.site });
  }
  return (
    <Plot
      margins={MARGINS}
      onPointer={pointer}
      cursor={hover ? 'pointer' : undefined}
      over={(place) =>
        hover && (
          <Hint
            at={hover}
            place={place}
            title={hover.site.label}
            lines={[
              { name: 'keeps', value: `${dimensions[hover.site.site]} of ${hover.site.eigenvalues.length}` },
              {
                name: 'discards',
                value: formatPercent(discardedEnergy(hover.site.eigenvalues, dimensions[hover.site.site])),
              },
            ]}
          />
        )
      }
    >
      {(place) => {
        const tiles = tilesIn(place, sites);
        return (
          <>
            <Curves
              rows={rows}
              scale={scale}
              tiles={tiles}
              selected={selected}
              key={`${place.right} ${place.bottom}`}
            />
            <path d={cutsPath(tiles, dimensions)} stroke="var(--sliced)" strokeWidth="1.5" fill="none" />
          </>
        );
      }}
    </Plot>
  );
}

function thinned(eigenvalues: ArrayLike<number>) {
  return thin(spectrumRows(eigenvalues), POINTS);
}

/** As many in a row as leave each the widest shape that fits. */
function tilesIn({ left, right, top, bottom }: Place, sites: readonly SiteReport[]): Tile[] {
  const [width, height] = [right - left, bottom - top];
  const columns = Math.max(
    1,
    Math.min(sites.length, Math.round(Math.sqrt((sites.length * width) / (height * ASPECT)))),
  );
  const lines = Math.ceil(sites.length / columns);
  const [across, down] = [width / columns, height / lines];
  return sites.map((site, i) => {
    const [x, y] = [left + (i % columns) * across, top + Math.floor(i / columns) * down];
    return { site, place: { left: x, right: x + across - GAP, top: y + NAME, bottom: y + down - GAP } };
  });
}

function cutsPath(tiles: readonly Tile[], dimensions: readonly number[]): string {
  return tiles
    .filter(({ site }) => dimensions[site.site] < site.eigenvalues.length)
    .map(({ site, place: { left, right, top, bottom } }) => {
      const x = left + (dimensions[site.site] / site.eigenvalues.length) * (right - left);
      return `M${x.toFixed(1)} ${top.toFixed(1)}V${bottom.toFixed(1)}`;
    })
    .join('');
}

interface CurvesProps {
  rows: readonly ReturnType<typeof thinned>[];
  scale: ReturnType<typeof logScaleOf>;
  tiles: readonly Tile[];
  selected: number;
}

/** Drawn anew only for another size, other spectra, or another choice. */
const Curves = memo(
  function Curves({ rows, scale, tiles, selected }: CurvesProps) {
    return (
      <>
        {tiles.map(({ site, place }, i) => {
          const { left, right, top, bottom } = place;
          const count = Math.max(1, site.eigenvalues.length - 1);
          const isTold = right - left > 34;
          return (
            <g key={site.site}>
              <rect
                x={left}
                y={top}
                width={Math.max(0, right - left)}
                height={Math.max(0, bottom - top)}
                fill="var(--cut-ground)"
                stroke={site.site === selected ? 'var(--sliced)' : 'none'}
              />
              <path
                d={logPath(rows[i], scale, (index) => left + ((index - 1) / count) * (right - left), place)}
                fill="none"
                stroke="var(--dense)"
                strokeWidth="1.25"
              />
              {isTold && (
                <text x={left} y={top - 3} style={{ fontSize: 9.5 }}>
                  {siteName(site.label)}
                </text>
              )}
            </g>
          );
        })}
      </>
    );
  },
  (a, b) => a.rows === b.rows && a.scale === b.scale && a.selected === b.selected,
);
