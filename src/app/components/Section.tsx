import { type ReactNode, useId } from 'react';

interface Props {
  title: string;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A named region of the workbench. */
export function Section({ title, aside, className = '', children }: Props) {
  const id = useId();
  return (
    <section className={`section ${className}`.trim()} aria-labelledby={id}>
      <header className="section-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
