import type { KeyboardEvent } from 'react';
import { formatPercent } from '../../format.ts';
import { MARGINS } from '../plot/Plot.tsx';
import type { EditedSite } from './SiteEditorCard.tsx';

interface Props {
  rows: readonly EditedSite[];
  at: number;
  hiddenSize: number;
  multiple: number;
  onChoose: (site: number) => void;
  onSet: (site: number, wanted: number) => void;
  onLock: (row: EditedSite) => void;
}

const FAR = 4;

/** The bars for keyboard and screen reader: left and right choose a site, up and down change it, L locks it. */
export function SiteKeys({ rows, at, hiddenSize, multiple, onChoose, onSet, onLock }: Props) {
  const row = rows[at];
  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const change: Record<string, number> = {
      ...{ ArrowUp: row.dimension + multiple, ArrowDown: row.dimension - multiple },
      ...{ PageUp: row.dimension + FAR * multiple, PageDown: row.dimension - FAR * multiple },
      ...{ Home: multiple, End: hiddenSize },
    };
    if (event.key in move) onChoose(rows[Math.min(rows.length - 1, Math.max(0, at + move[event.key]))].site);
    else if (event.key in change) {
      if (!row.isFixed) onSet(row.site, change[event.key]);
    } else if (event.key.toLowerCase() === 'l') {
      if (!row.isFixed) onLock(row);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const state = row.isFixed ? ', whole with this head' : row.isLocked ? ', locked' : '';
  return (
    <div
      className="site-keys"
      style={{ inset: `${MARGINS.top}px ${MARGINS.right}px ${MARGINS.bottom}px ${MARGINS.left}px` }}
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label="Kept dimension of a site; left and right choose the site, L locks it"
      aria-valuemin={1}
      aria-valuemax={hiddenSize}
      aria-valuenow={row.dimension}
      aria-valuetext={`${row.label}: ${row.dimension} of ${hiddenSize}, discards ${formatPercent(row.discarded)}${state}`}
      onKeyDown={press}
    />
  );
}
