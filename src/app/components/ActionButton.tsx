import type { ButtonHTMLAttributes } from 'react';

interface Props extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled' | 'type'> {
  /** Why it cannot be pressed now; shown in place of the title. */
  hindrance?: string | null | false;
}

/**
 * A button that is dimmed and does nothing while something hinders it, but keeps the focus: a `disabled` one that was just
 * pressed drops it to the top of the page, and a screen reader with it.
 */
export function ActionButton({ hindrance, title, onClick, ...rest }: Props) {
  const isHindered = typeof hindrance === 'string';
  return (
    <button
      {...rest}
      type="button"
      aria-disabled={isHindered ? true : undefined}
      title={isHindered ? hindrance : title}
      onClick={isHindered ? undefined : onClick}
    />
  );
}
