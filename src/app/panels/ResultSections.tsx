import type { ReactNode } from 'react';
import { Section } from '../components/Section.tsx';
import type { ResultPart } from './ResultPanel.tsx';

interface Props {
  part: ResultPart | undefined;
  aside: ReactNode;
  /** What came of it. */
  figures: ReactNode;
  /** Title and fields of the export. */
  take: { title: string; fields: ReactNode };
  /** Folds; nothing where there are none. */
  rest?: ReactNode;
}

/** The result: figures and export first, then its folds, in a section of their own where charts stand between. */
export function ResultSections({ part, aside, figures, take, rest }: Props) {
  if (part === 'rest') return rest && <Section title="More about the result">{rest}</Section>;
  return (
    <Section title="Result" aside={aside} className="receipt">
      <div className="receipt-part">{figures}</div>
      <div className="receipt-part block">
        <h3>{take.title}</h3>
        {take.fields}
      </div>
      {part === undefined && rest}
    </Section>
  );
}
