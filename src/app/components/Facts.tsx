import type { ReactNode } from 'react';

export interface Fact {
  name: string;
  value: ReactNode;
  title?: string;
}

/** Name and value pairs, values in tabular figures at the right edge. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(({ name, value, title }) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
