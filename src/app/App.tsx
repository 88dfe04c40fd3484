import { Suspense, useEffect, useSyncExternalStore } from 'react';
import { startBackend } from './actions/open_model.ts';
import { listenToEngine } from './actions/recover.ts';
import { lazyPart } from './components/lazy_part.tsx';
import { Section } from './components/Section.tsx';
import { keepFocus } from './focus.ts';
import { listenToKeys } from './keyboard.ts';
import { BackendBanner } from './panels/BackendBanner.tsx';
import { CalibrationPanel } from './panels/CalibrationPanel.tsx';
import { DevicePanel } from './panels/DevicePanel.tsx';
import { DropZone } from './panels/DropZone.tsx';
import { Header } from './panels/Header.tsx';
import { JobBar } from './panels/JobBar.tsx';
import { ModelPanel } from './panels/ModelPanel.tsx';
import { QuestionNote } from './panels/QuestionNote.tsx';
import { ResultPanel, type ResultPart } from './panels/ResultPanel.tsx';
import { Welcome } from './panels/Welcome.tsx';
import { type Studio, useStudio, useStudioState } from './studio.ts';
import { guardUnload } from './unload.ts';

// None of these is needed before a model is open; the recipe's chunk has the registry of methods.
const TargetPanel = lazyPart(() => import('./panels/TargetPanel.tsx'));
const RecipePanel = lazyPart(() => import('./panels/RecipePanel.tsx'));
const SlicePanel = lazyPart(() => import('./panels/SlicePanel.tsx'));
const Stage = lazyPart(() => import('./charts/Stage.tsx'));

/** Begins what lies in a chunk of its own, because nothing needs it before a model is open. Returns how to stop. */
function later(begin: () => Promise<() => void>): () => void {
  let stop: (() => void) | null = null;
  let isOver = false;
  // Without its chunk the page works all the same.
  begin().then(
    (end) => {
      if (isOver) end();
      else stop = end;
    },
    (thrown) => console.warn(thrown),
  );
  return () => {
    isOver = true;
    stop?.();
  };
}

/** Sessions, undo, title and notifications. */
function keepLater(studio: Studio): () => void {
  const stops = [
    later(async () => (await import('./sessions/keep.ts')).keepSession(studio)),
    later(async () => (await import('./actions/undo.ts')).keepHistory(studio)),
    later(async () => (await import('./background.ts')).tellInBackground(studio)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** As `workbench.css` has it: charts and result in one column. */
const NARROW = matchMedia('(max-width: 1179px)');

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      NARROW.addEventListener('change', changed);
      return () => NARROW.removeEventListener('change', changed);
    },
    () => NARROW.matches,
  );
}

/** Texts and device: at hand before a model is open, below what can be done with it then. */
function Means() {
  return (
    <>
      <CalibrationPanel />
      <DevicePanel />
    </>
  );
}

/** The one workbench: model, size and recipe, charts and result at once. */
export function App() {
  const studio = useStudio();
  useEffect(() => listenToKeys(studio), [studio]);
  useEffect(() => guardUnload(studio), [studio]);
  useEffect(() => keepLater(studio), [studio]);
  useEffect(() => keepFocus(), []);
  useEffect(() => listenToEngine(studio), [studio]);
  useEffect(() => {
    void startBackend(studio);
  }, [studio]);
  const hasModel = useStudioState((state) => state.results.model !== null);
  const isOneColumn = useIsNarrow() && hasModel;
  const charts = (
    <div key="charts" className="column column-charts">
      {hasModel ? (
        <Suspense fallback={null}>
          <Stage />
        </Suspense>
      ) : (
        <Welcome />
      )}
    </div>
  );
  const result = (part?: ResultPart) => (
    <div key={part ?? 'result'} className="column column-right">
      <ResultPanel part={part} />
    </div>
  );
  return (
    <div className="workbench">
      <Header />
      <main className="columns">
        <div className="column column-left">
          <ModelPanel />
          {hasModel ? (
            // All at once: what came by itself would push away what is being read.
            <Suspense fallback={<Section title="Recipe">{null}</Section>}>
              <TargetPanel />
              <RecipePanel />
              <SlicePanel />
              <Means />
            </Suspense>
          ) : (
            <Means />
          )}
        </div>
        {/* Moved, not only drawn elsewhere: what is read and reached by Tab goes from top to bottom. */}
        {isOneColumn ? [result('receipt'), charts, result('rest')] : [charts, result()]}
      </main>
      {/* Below: it comes once an adapter was looked for, and must not push what is being read. */}
      <BackendBanner />
      <JobBar />
      <QuestionNote />
      <DropZone />
    </div>
  );
}
