import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { placeAt, type Row } from '../../../report/timeline/rows.ts';
import type { Window } from '../../../report/timeline/summary.ts';
import { enlargement, pointerIn } from '../../enlarged.ts';
import { useStudioState } from '../../studio.ts';
import { Hint } from '../plot/Hint.tsx';
import { useSize } from '../plot/size.ts';
import { drawTimeline, heightOf, LEFT, paletteOf, plotWidth, ROW } from './draw.ts';
import { axisText, formatMs, moved, viewByKey, zoomed } from './view.ts';

interface Props {
  rows: readonly Row[];
  view: Window;
  all: Window;
  colours: ReadonlyMap<string, number>;
  onView: (view: Window) => void;
}

interface Hovered {
  x: number;
  y: number;
  row: Row;
  place: number;
}

/** Lanes over time. The keys and the wheel zoom and move; the table beside it says the same in words. */
export function TimelineCanvas({ rows, view, all, colours, onView }: Props) {
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hover, setHover] = useState<Hovered | null>(null);
  const drag = useRef<{ x: number; view: Window } | null>(null);
  const theme = useTheme();
  const width = size?.width ?? 0;
  const height = heightOf(rows);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || width === 0) return;
    void theme; // another theme has other colours
    const scale = devicePixelRatio * enlargement();
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    drawTimeline(context, { rows, view, zero: all.start, colours, width }, paletteOf(element));
  }, [rows, view, all, colours, width, height, theme]);

  useWheel(box, (event, share) => {
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) onView(moved(view, all, (event.deltaX || event.deltaY) / 600));
    else if (event.ctrlKey || event.metaKey || document.activeElement === box.current)
      onView(zoomed(view, all, 2 ** (event.deltaY / 200), share));
    else return false;
    return true;
  });

  function point(event: PointerEvent<HTMLDivElement>) {
    const { x, y } = pointerIn(event.currentTarget, event);
    if (drag.current) {
      setHover(null);
      onView(moved(drag.current.view, all, (drag.current.x - x) / plotWidth(width)));
      return;
    }
    const row = rows[Math.floor(y / ROW)];
    const scale = (view.end - view.start) / plotWidth(width);
    const time = view.start + (x - LEFT) * scale;
    const place = row && x >= LEFT ? placeAt(row, time + scale) : -1;
    // A pixel beside a short span is meant for it.
    setHover(place >= 0 && row.end[place] >= time - scale ? { x, y, row, place } : null);
  }

  const place = useMemo(() => ({ left: LEFT, right: width, top: 0, bottom: height }), [width, height]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset holds controls; this is a drawing that keys move
    <div
      ref={box}
      className="timeline-view"
      style={{ height }}
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys are told by its name
      tabIndex={0}
      aria-label="Timeline: arrow keys move, plus and minus zoom, 0 shows all. The table below has its sums."
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const next = viewByKey(event.key, view, all);
        if (!next) return;
        event.preventDefault();
        onView(next);
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { x: pointerIn(event.currentTarget, event).x, view };
      }}
      onPointerMove={point}
      onPointerUp={() => {
        drag.current = null;
      }}
      onPointerCancel={() => {
        drag.current = null;
      }}
      onPointerLeave={() => setHover(null)}
    >
      <div className="chart-canvas" aria-hidden="true">
        <canvas ref={canvas} style={{ width, height }} />
      </div>
      {hover && <Hovering hover={hover} place={place} zero={all.start} length={view.end - view.start} />}
    </div>
  );
}

function Hovering({
  hover: { x, y, row, place: at },
  place,
  zero,
  length,
}: {
  hover: Hovered;
  place: { left: number; right: number; top: number; bottom: number };
  zero: number;
  length: number;
}) {
  // New rows came while the pointer rested.
  if (at >= row.name.length) return null;
  const lines = [
    { name: 'took', value: formatMs(row.end[at] - row.start[at]) },
    { name: 'at', value: axisText(row.start[at] - zero, length) },
  ];
  return <Hint at={{ x, y }} place={place} title={row.names[row.name[at]]} lines={lines} />;
}

/** React listens to the wheel passively; what is taken here must not scroll the page. */
function useWheel(
  box: React.RefObject<HTMLElement | null>,
  onWheel: (event: WheelEvent, share: number) => boolean,
): void {
  const last = useRef(onWheel);
  last.current = onWheel;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const listen = (event: WheelEvent) => {
      const share = Math.min(1, Math.max(0, (pointerIn(element, event).x - LEFT) / plotWidth(element.offsetWidth)));
      if (last.current(event, share)) event.preventDefault();
    };
    element.addEventListener('wheel', listen, { passive: false });
    return () => element.removeEventListener('wheel', listen);
  }, [box]);
}

/** Changes when colours do. */
function useTheme(): string {
  const chosen = useStudioState((state) => state.settings.theme);
  const [isDark, setDark] = useState(false);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const listen = () => setDark(query.matches);
    listen();
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, []);
  return `${chosen} ${isDark}`;
}
