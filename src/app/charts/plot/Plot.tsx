/**
 * @file A drawing in SVG without a library: what stands still is drawn once, and what follows a slider is one element that
 * moves. Charts that are redrawn sixty times a second stand on it; recharts takes tens of milliseconds for each of them.
 */
import type { PointerEvent, ReactNode } from 'react';
import { pointerIn } from '../../enlarged.ts';
import { type Size, useSize } from './size.ts';

/** Of the plotting area within the drawing, in CSS pixels. */
export interface Place {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export const MARGINS = { left: 66, right: 16, top: 12, bottom: 34 } as const;

interface Props {
  children: (place: Place, size: Size) => ReactNode;
  /** Beside the drawing, over it: tooltips. */
  over?: (place: Place) => ReactNode;
  margins?: Place;
  onPointer?: (event: PointerEvent<SVGSVGElement>, at: { x: number; y: number }, place: Place) => void;
  cursor?: string;
}

export function Plot({ children, over, margins = MARGINS, onPointer, cursor }: Props) {
  const [box, size] = useSize<HTMLDivElement>();
  const place = size && placeIn(size, margins);
  const isDrawn = place && place.right > place.left && place.bottom > place.top;
  const handle = (event: PointerEvent<SVGSVGElement>) => {
    if (onPointer && place) onPointer(event, pointerIn(event.currentTarget, event), place);
  };
  return (
    <div ref={box} className="plot-box">
      {isDrawn && (
        <svg
          className="plot"
          width={size.width}
          height={size.height}
          style={{ cursor }}
          aria-hidden="true"
          onPointerDown={onPointer && handle}
          onPointerMove={onPointer && handle}
          onPointerUp={onPointer && handle}
          onPointerCancel={onPointer && handle}
          onPointerLeave={onPointer && handle}
        >
          {children(place, size)}
        </svg>
      )}
      {isDrawn && over?.(place)}
    </div>
  );
}

function placeIn({ width, height }: Size, { left, right, top, bottom }: Place): Place {
  return { left, right: width - right, top, bottom: height - bottom };
}
