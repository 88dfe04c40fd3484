import { lazy, Suspense, useEffect } from 'react';
import { startBackend } from './actions/open_model.ts';
import { listenToEngine } from './actions/recover.ts';
import { LivePerplexityCard } from './charts/cards.tsx';
import { FrontCard } from './charts/FrontCard.tsx';
import { EnergyCard, SpectrumCard } from './charts/spectrum_cards.tsx';
import { Section } from './components/Section.tsx';
import { keepFocus } from './focus.ts';
import { listenToKeys } from './keyboard.ts';
import { BackendBanner } from './panels/BackendBanner.tsx';
import { CalibrationPanel } from './panels/CalibrationPanel.tsx';
import { CapabilityPanel } from './panels/CapabilityPanel.tsx';
import { DropZone } from './panels/DropZone.tsx';
import { Header } from './panels/Header.tsx';
import { JobBar } from './panels/JobBar.tsx';
import { ModelPanel } from './panels/ModelPanel.tsx';
import { QuestionNote } from './panels/QuestionNote.tsx';
import { ResultPanel } from './panels/ResultPanel.tsx';
import { SlicePanel } from './panels/SlicePanel.tsx';
import { useStudio, useStudioState } from './studio.ts';
import { guardUnload } from './unload.ts';

/** With the registry of methods; nothing of it is needed before a model is open. */
const RecipePanel = lazy(() => import('./panels/RecipePanel.tsx'));
const RunsCard = lazy(() => import('./panels/RunsCard.tsx'));

/** The one workbench: model, slider, charts and result at once. */
export function App() {
  const studio = useStudio();
  useEffect(() => listenToKeys(studio), [studio]);
  useEffect(() => guardUnload(studio), [studio]);
  useEffect(() => keepFocus(), []);
  useEffect(() => listenToEngine(studio), [studio]);
  useEffect(() => {
    void startBackend(studio);
  }, [studio]);
  const hasModel = useStudioState((state) => state.results.model !== null);
  const hasRuns = useStudioState(
    ({ results }) => results.runs.length > 0 || results.recipe_runs.length > 0 || results.removed !== null,
  );
  return (
    <div className="workbench">
      <Header />
      <main className="columns">
        <div className="column column-left">
          <ModelPanel />
          <SlicePanel />
          {hasModel && (
            <Suspense fallback={<Section title="Recipe">{null}</Section>}>
              <RecipePanel />
            </Suspense>
          )}
          <CalibrationPanel />
          <CapabilityPanel />
        </div>
        <div className="column column-charts">
          <FrontCard />
          <LivePerplexityCard />
          {hasRuns && (
            <Suspense fallback={null}>
              <RunsCard />
            </Suspense>
          )}
          <SpectrumCard />
          <EnergyCard />
        </div>
        <div className="column column-right">
          <ResultPanel />
        </div>
      </main>
      {/* Below: it comes once an adapter was looked for, and must not push what is being read. */}
      <BackendBanner />
      <JobBar />
      <QuestionNote />
      <DropZone />
    </div>
  );
}
