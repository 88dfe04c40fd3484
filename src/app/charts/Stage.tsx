/** @file What is drawn of an open model: the front, the live curve, the table of runs, and what slicing would cut. */
import { Suspense } from 'react';
import { useStore } from 'zustand';
import { useStudio, useStudioState } from '../studio.ts';
import { LivePerplexityCard } from './cards.tsx';
import { FrontCard } from './FrontCard.tsx';
import { EnergyCard, SpectrumCard } from './spectrum_cards.tsx';
import '../styles/editor.css';
import { lazyPart } from '../components/lazy_part.tsx';
import { recorderOf } from './timeline/recorder.ts';
import { hasTraining } from './training_lines.ts';

const TrainingCard = lazyPart(() => import('./TrainingCard.tsx'));
const RunsCard = lazyPart(() => import('../panels/RunsCard.tsx'));
const BitsCard = lazyPart(() => import('./bits/BitsCard.tsx'));
const HeatCard = lazyPart(() => import('./heat/HeatCard.tsx'));
const SiteEditorCard = lazyPart(() => import('./editor/SiteEditorCard.tsx'));
const TimelineCard = lazyPart(() => import('./timeline/TimelineCard.tsx'));
const Speak = lazyPart(() => import('../panels/speak/Speak.tsx'));

export default function Stage() {
  const hasRuns = useStudioState(({ results }) => results.runs.length > 0 || results.removed.length > 0);
  const isRecorded = useStore(recorderOf(useStudio()).store, ({ isOn, recorded }) => isOn || recorded !== null);
  const trains = useStudioState(({ results }) => hasTraining(results));
  return (
    <>
      <FrontCard />
      <LivePerplexityCard />
      {trains && (
        <Suspense fallback={null}>
          <TrainingCard />
        </Suspense>
      )}
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
      <Suspense fallback={null}>
        <SiteEditorCard />
        <HeatCard />
        <BitsCard />
      </Suspense>
      {isRecorded && (
        <Suspense fallback={null}>
          <TimelineCard />
        </Suspense>
      )}
    </>
  );
}
