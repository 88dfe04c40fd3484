import { Suspense } from 'react';
import { lazyPart } from '../components/lazy_part.tsx';
import { Section } from '../components/Section.tsx';
import { useStudioState } from '../studio.ts';

/** With tables, exports and archives, of which nothing is needed before a model is open. */
const ModelResult = lazyPart(() => import('./ModelResult.tsx'));

/** Where charts and result share a column, they stand between its two parts; absent: all in one. */
export type ResultPart = 'receipt' | 'rest';

export function ResultPanel({ part }: { part?: ResultPart }) {
  const hasModel = useStudioState((state) => state.results.model !== null);
  const nothing = (
    <Section title="Result">
      <p className="muted">
        The smaller model beside the original: size part by part, perplexity, speed, and the verified files to download.
        It fills in once a model is open.
      </p>
    </Section>
  );
  if (!hasModel) return nothing;
  return (
    <Suspense fallback={part === 'rest' ? null : nothing}>
      <ModelResult part={part} />
    </Suspense>
  );
}
