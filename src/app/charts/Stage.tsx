/** @file What is drawn of an open model: the front, the live curve, the table of runs, and what slicing would cut. */
import { lazy, Suspense } from 'react';
import { useStudioState } from '../studio.ts';
import { LivePerplexityCard } from './cards.tsx';
import { FrontCard } from './FrontCard.tsx';
import { EnergyCard, SpectrumCard } from './spectrum_cards.tsx';

const RunsCard = lazy(() => import('../panels/RunsCard.tsx'));
const Speak = lazy(() => import('../panels/speak/Speak.tsx'));

export default function Stage() {
  const hasRuns = useStudioState(
    ({ results }) => results.runs.length > 0 || results.recipe_runs.length > 0 || results.removed !== null,
  );
  return (
    <>
      <FrontCard />
      <LivePerplexityCard />
      {hasRuns && (
        <Suspense fallback={null}>
          <RunsCard />
        </Suspense>
      )}
      <Suspense fallback={null}>
        <Speak />
      </Suspense>
      <SpectrumCard />
      <EnergyCard />
    </>
  );
}
