import { useEffect, useRef, useState } from 'react';
import type { SessionInfo } from '../../platform/session_records.ts';
import { sessionBytes } from '../../platform/session_records.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ConfirmButton } from '../components/ConfirmButton.tsx';
import { formatBytes } from '../format.ts';
import { keeperOf } from '../sessions/keep.ts';
import { renameSession } from '../sessions/names.ts';
import { lookAtSession, openSession, stopWaiting } from '../sessions/open_session.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { sessionText } from '../store/sessions.ts';
import { useStudio, useStudioState } from '../studio.ts';
import '../styles/sessions.css';

/** Sessions that are kept in this browser: gone on with, called by another name, deleted. */
export default function SessionList() {
  const studio = useStudio();
  const { list, elsewhere, waiting, reading, failure } = useStudioState((state) => state.sessions);
  const hasModel = useStudioState((state) => state.results.model !== null);
  const heading = useRef<HTMLHeadingElement>(null);
  if (!list || (list.length === 0 && !waiting && !reading && !failure)) return null;
  const [newest] = list;
  const isOffered = !hasModel && !waiting && newest && !elsewhere.has(newest.id);
  const rows = isOffered ? list.slice(1) : list;

  async function remove(id: string) {
    await keeperOf(studio)?.discard(id);
    // The button that had the focus is gone; Tab goes on from here.
    heading.current?.focus();
  }

  return (
    <section className="sessions" aria-label="Sessions">
      {waiting && <Waiting info={waiting} />}
      {isOffered && <Offer info={newest} onDiscard={() => void remove(newest.id)} />}
      {failure && (
        <p className="field-note" role="status">
          This session is not kept: {failure.message} {failure.action}
        </p>
      )}
      {rows.length > 0 && (
        <>
          <h3 ref={heading} tabIndex={-1}>
            {isOffered ? 'Earlier sessions' : 'Sessions'}
          </h3>
          <ul>
            {rows.map((info) => (
              <Row
                key={info.id}
                info={info}
                isElsewhere={elsewhere.has(info.id)}
                isRead={reading?.id === info.id}
                onDelete={() => void remove(info.id)}
              />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Offer({ info, onDiscard }: { info: SessionInfo; onDiscard: () => void }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  return (
    <div className="session-offer">
      <p>
        <strong>{sessionText(info)}.</strong> <span className="muted">Kept {when(info.saved_at)}.</span>
      </p>
      <div className="button-row">
        <ActionButton className="primary" hindrance={isBusy && BUSY} onClick={() => void openSession(studio, info)}>
          Go on
        </ActionButton>
        <ConfirmButton label="Discard" question="Delete its runs and files?" isPlain onConfirm={onDiscard} />
      </div>
    </div>
  );
}

/** The browser does not remember where the files lie, or may not read them. */
function Waiting({ info }: { info: SessionInfo }) {
  const studio = useStudio();
  return (
    <div className="session-offer" role="status">
      <p>
        <strong>Drop the files of {info.model} again, or choose them.</strong>{' '}
        <span className="muted">
          Then {info.name} goes on with all its runs. Other files are told apart and refused.
        </span>
      </p>
      <button type="button" className="quiet" onClick={() => stopWaiting(studio)}>
        Not now
      </button>
    </div>
  );
}

interface RowProps {
  info: SessionInfo;
  isElsewhere: boolean;
  isRead: boolean;
  onDelete: () => void;
}

function Row({ info, isElsewhere, isRead, onDelete }: RowProps) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const bytes = useBytes(info);
  const size = bytes === null ? '' : formatBytes(bytes);
  return (
    <li>
      <NameField info={info} isFixed={isElsewhere} />
      <span className="session-size">{size}</span>
      <span className="field-note">
        {sessionText(info).slice(info.name.length + 2)} · {when(info.saved_at)}
        {isElsewhere && ' · open in another tab'}
      </span>
      <div className="session-buttons">
        {isElsewhere ? (
          <ActionButton
            className="quiet"
            aria-label={`Look at ${info.name}`}
            hindrance={isRead ? 'It is shown now' : isBusy && BUSY}
            onClick={() => void lookAtSession(studio, info)}
          >
            Look
          </ActionButton>
        ) : (
          <ActionButton
            className="quiet"
            aria-label={`Go on with ${info.name}`}
            hindrance={isBusy && BUSY}
            onClick={() => void openSession(studio, info)}
          >
            Go on
          </ActionButton>
        )}
        <ConfirmButton
          label="Delete"
          name={`Delete ${info.name}`}
          question={`Delete ${size || 'it'}?`}
          disabled={isElsewhere}
          title={isElsewhere ? 'It is open in another tab: close that first' : undefined}
          onConfirm={onDelete}
        />
      </div>
    </li>
  );
}

/** Taken over by Enter or when the field is left; Escape takes it back. */
function NameField({ info, isFixed }: { info: SessionInfo; isFixed: boolean }) {
  const studio = useStudio();
  const [name, setName] = useState(info.name);
  return (
    <input
      aria-label={`Name of the session ${info.name}`}
      value={name}
      maxLength={80}
      readOnly={isFixed}
      onChange={(event) => setName(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key !== 'Escape') return;
        setName(info.name);
        event.preventDefault();
      }}
      onBlur={() => name.trim() !== info.name && void renameSession(studio, info, name)}
    />
  );
}

function useBytes({ id, saved_at }: SessionInfo): number | null {
  const [bytes, setBytes] = useState<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: saved anew, it may have another size
  useEffect(() => {
    let isCurrent = true;
    sessionBytes(id).then(
      (found) => isCurrent && setBytes(found),
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [id, saved_at]);
  return bytes;
}

function when(time: number): string {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return isToday ? `today, ${clock}` : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}
