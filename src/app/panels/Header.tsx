import { Suspense } from 'react';
import { lazyPart } from '../components/lazy_part.tsx';
import { formatBytes, formatCount } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { BackendBadge } from './BackendBadge.tsx';
import { RequestCounter } from './RequestCounter.tsx';
import { Shortcuts } from './Shortcuts.tsx';
import { ThemePicker } from './ThemePicker.tsx';

const UndoButtons = lazyPart(() => import('./UndoButtons.tsx'), { isAside: true });

export function Header() {
  const model = useStudioState(({ opening, results }) => opening ?? results.model);
  const canUndo = useStudioState(({ steps }) => steps.undo !== null || steps.redo !== null);
  return (
    <header className="header">
      <h1 className="brand">
        <BrandMark />
        Whittle
      </h1>
      <p className="header-model">
        {model ? (
          <>
            <strong title={model.name}>{model.name}</strong>
            <span className="muted">
              {formatCount(model.parameters)} · {model.dtype} · {formatBytes(model.bytes)}
            </span>
          </>
        ) : (
          <span className="muted">Compress a language model, on this device</span>
        )}
      </p>
      <div className="header-status">
        {(model || canUndo) && (
          <Suspense fallback={null}>
            <UndoButtons />
          </Suspense>
        )}
        <BackendBadge />
        <RequestCounter />
        <ThemePicker />
        <Shortcuts />
      </div>
    </header>
  );
}

/** A square with a corner cut away. */
function BrandMark() {
  return (
    <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
      <path d="M1 1H10V15H1Z" fill="currentColor" />
      <path
        d="M12 15V12.6M12 10.6V8.2M12 6.2V3.8M12 1.8V1M15 15V12.6M15 10.6V8.2M15 6.2V3.8M15 1.8V1"
        stroke="var(--sliced)"
        strokeWidth="1.6"
      />
    </svg>
  );
}
