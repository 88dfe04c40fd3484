import { type ReactNode, useId, useRef } from 'react';
import { enlargement } from '../enlarged.ts';

interface Props {
  label: string;
  title?: string;
  className?: string;
  children: ReactNode;
}

/** A button with what opens under it. It is placed by script: CSS anchors are not in every browser. */
export function PopoverButton({ label, title, className, children }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const popover = useRef<HTMLDivElement>(null);
  return (
    <>
      <button ref={button} type="button" className="quiet" popoverTarget={id} title={title}>
        {label}
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it listens to the buttons within */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: a button's key is its click */}
      <div
        ref={popover}
        id={id}
        popover="auto"
        className={className ? `popover popover-under ${className}` : 'popover popover-under'}
        onBeforeToggle={({ newState }) => {
          if (newState !== 'open' || !button.current || !popover.current) return;
          const place = placeUnder(button.current.getBoundingClientRect(), innerWidth, innerHeight, enlargement());
          Object.assign(popover.current.style, place);
        }}
        onClick={({ target }) => {
          // A menu goes once something of it was chosen.
          const chosen = target instanceof Element && target.closest('.menu > button');
          if (chosen && chosen.ariaDisabled !== 'true') popover.current?.hidePopover();
        }}
      >
        {children}
      </div>
    </>
  );
}

const GAP = 4;
const MARGIN = 8;

/**
 * Where there is more room: under the button or over it, along its left edge or its right one. Lengths in the window's pixels.
 * @param scale Of them that one of the page is long.
 */
export function placeUnder(
  { top, bottom, left, right }: Pick<DOMRect, 'top' | 'bottom' | 'left' | 'right'>,
  width: number,
  height: number,
  scale = 1,
): Record<'top' | 'bottom' | 'left' | 'right' | 'maxHeight' | 'maxWidth', string> {
  const isUnder = height - bottom >= top;
  const isAlongLeft = left + right < width;
  const px = (length: number) => `${Math.max(MARGIN, Math.round(length / scale))}px`;
  return {
    top: isUnder ? px(bottom + GAP * scale) : 'auto',
    bottom: isUnder ? 'auto' : px(height - top + GAP * scale),
    left: isAlongLeft ? px(left) : 'auto',
    right: isAlongLeft ? 'auto' : px(width - right),
    maxHeight: px((isUnder ? height - bottom : top) - (GAP + MARGIN) * scale),
    maxWidth: px((isAlongLeft ? width - left : right) - MARGIN * scale),
  };
}
