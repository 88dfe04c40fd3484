import { ChartTooltip, type TooltipLine } from '../ChartTooltip.tsx';
import type { Place } from './Plot.tsx';

interface Props {
  at: { x: number; y: number };
  place: Place;
  title: string;
  lines: readonly TooltipLine[];
  note?: string;
}

/** Figures beside the pointer, on the side where there is room. */
export function Hint({ at: { x, y }, place, ...told }: Props) {
  const isRight = x > (place.left + place.right) / 2;
  const style = { left: x, top: y, '--toward': isRight ? 'calc(-100% - 12px)' : '12px' } as React.CSSProperties;
  return (
    <div className="plot-hint" style={style}>
      <ChartTooltip {...told} />
    </div>
  );
}
