import { type ReactNode, useState } from 'react';

interface Props {
  title: string;
  /** As a function: made only while it stands open, because it follows a slider. */
  children: ReactNode | (() => ReactNode);
}

/** A part of a panel that stands folded until it is wanted. */
export function Fold({ title, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const isLate = typeof children === 'function';
  return (
    <details className="fold block" onToggle={isLate ? ({ currentTarget }) => setOpen(currentTarget.open) : undefined}>
      <summary>{title}</summary>
      <div className="fold-body">{isLate ? isOpen && children() : children}</div>
    </details>
  );
}
