import type { ReactNode } from 'react';

/** A part of a panel that stands folded until it is wanted. */
export function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="fold block">
      <summary>{title}</summary>
      <div className="fold-body">{children}</div>
    </details>
  );
}
