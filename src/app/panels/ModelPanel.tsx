import { Suspense, useRef } from 'react';
import { filesFromInput } from '../../platform/dropped_files.ts';
import { openAsked, openFiles, openModel } from '../actions/open_model.ts';
import { lazyPart } from '../components/lazy_part.tsx';
import { Section } from '../components/Section.tsx';
import { useStudio, useStudioState } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { HubPanel } from './HubPanel.tsx';
import { inOneLine, ModelFacts } from './ModelFacts.tsx';

const SessionList = lazyPart(() => import('./SessionList.tsx'));

// Not in React's types, though every browser knows it.
const FOLDER = { webkitdirectory: '' };

/** Before a model is open they stand on the stage. */
function SessionsFold() {
  const count = useStudioState((state) => state.sessions.list?.length ?? 0);
  const isAsking = useStudioState(({ sessions }) => sessions.waiting !== null || sessions.failure !== null);
  if (count === 0 && !isAsking) return null;
  return (
    <details className="fold" data-stored open={isAsking || undefined}>
      <summary>{count === 1 ? '1 other session' : `${count} other sessions`}</summary>
      <div className="fold-body">
        <Suspense fallback={null}>
          <SessionList />
        </Suspense>
      </div>
    </details>
  );
}

export function ModelPanel() {
  const studio = useStudio();
  const model = useStudioState((state) => state.results.model);
  const opening = useStudioState((state) => state.opening);
  const filesInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);

  function openPicked(input: HTMLInputElement) {
    const files = filesFromInput(input.files);
    // The same files can be chosen again after a failure.
    input.value = '';
    void openFiles(studio, files);
  }

  return (
    <Section title="Model" className={model ? 'model-open' : undefined}>
      <input
        ref={filesInput}
        type="file"
        multiple
        hidden
        aria-label="Model files"
        onChange={(event) => openPicked(event.target)}
      />
      <input
        ref={folderInput}
        type="file"
        multiple
        hidden
        {...FOLDER}
        aria-label="Model folder"
        onChange={(event) => openPicked(event.target)}
      />
      {!model && (
        <div className="drop-target">
          <p>
            <strong>{opening ? opening.name : 'Drop a model here'}</strong>
          </p>
          <p className="muted">
            {opening
              ? inOneLine(opening)
              : 'A Hugging Face folder (safetensors) or its files, a .gguf file, or an ONNX folder. They are read in place, never uploaded.'}
          </p>
        </div>
      )}
      {/* One button in one place, whatever is open: it keeps the focus when it was pressed. */}
      <div className={model ? 'button-row' : 'button-row button-row-first-wide'}>
        <button
          type="button"
          data-action="demo"
          className={model ? undefined : 'primary'}
          aria-label="Try the built-in model"
          onClick={() => void openAsked(studio, { kind: 'demo' }, 'the built-in model')}
        >
          {model ? 'Built-in' : 'Try the built-in model'}
        </button>
        <button type="button" data-action="files" onClick={() => filesInput.current?.click()}>
          {model ? 'Files…' : 'Choose files'}
        </button>
        <button type="button" onClick={() => folderInput.current?.click()}>
          {model ? 'Folder…' : 'Choose folder'}
        </button>
      </div>
      <FailureNote
        place="model"
        again={({ kind }) => kind === 'open' && studio.attempted && void openModel(studio, studio.attempted)}
      />
      <div className="folds">
        {model && <ModelFacts model={opening ?? model} />}
        {model && <SessionsFold />}
        <HubPanel />
      </div>
    </Section>
  );
}
