import { ActionButton } from '../components/ActionButton.tsx';
import { Calm } from '../components/Seen.tsx';
import { useStudio, useStudioState } from '../studio.ts';
import '../styles/undo.css';

const ARROW = 'M3 6H10A4 4 0 0 1 10 14H6M6 2.5L2.5 6L6 9.5';

/** Takes settings, names and removed runs back, and again. What it would take back is told once the slider rests. */
export default function UndoButtons() {
  return (
    <Calm>
      <Steps />
    </Calm>
  );
}

function Steps() {
  const studio = useStudio();
  const { undo, redo, said } = useStudioState((state) => state.steps);
  return (
    <div className="undo-buttons">
      <ActionButton
        className="quiet"
        data-action="undo"
        aria-label={undo ? `Undo ${undo}` : 'Undo'}
        hindrance={undo ? null : 'Nothing to undo'}
        title={`Undo ${undo} (Ctrl+Z)`}
        onClick={() => studio.history?.undo()}
      >
        <Arrow />
      </ActionButton>
      <ActionButton
        className="quiet"
        data-action="redo"
        aria-label={redo ? `Redo ${redo}` : 'Redo'}
        hindrance={redo ? null : 'Nothing to redo'}
        title={`Redo ${redo} (Ctrl+Shift+Z)`}
        onClick={() => studio.history?.redo()}
      >
        <Arrow isMirrored />
      </ActionButton>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </div>
  );
}

function Arrow({ isMirrored = false }: { isMirrored?: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path
        d={ARROW}
        transform={isMirrored ? 'matrix(-1 0 0 1 16 0)' : undefined}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
