/** @file What the page knows of sessions: its own, and those that are kept beside it. */
import type { ErrorData } from '../../errors/errors.ts';
import type { SessionInfo } from '../../platform/session_records.ts';

export interface SessionsState {
  /** Kept ones without this page's own, the last saved first; null while nobody has looked. */
  list: readonly SessionInfo[] | null;
  /** Of them: those that another tab works in. */
  elsewhere: ReadonlySet<string>;
  /** Whether what this page shows is on disk. `no`: nothing to keep, or nowhere to keep it. */
  kept: 'no' | 'saving' | 'yes';
  /** Why the last change could not be kept. */
  failure: ErrorData | null;
  /** As the person called this page's session. */
  name: string | null;
  /** The session whose files are asked for: what is opened next has to be them. */
  waiting: SessionInfo | null;
  /** Another tab works in what is shown here. */
  reading: SessionInfo | null;
}

export const NO_SESSIONS: SessionsState = {
  list: null,
  elsewhere: new Set(),
  kept: 'no',
  failure: null,
  name: null,
  waiting: null,
  reading: null,
};

/** "SmolLM2-135M, 4 runs, Slicing 25 % stopped at layer 14 of 30" */
export function sessionText({ name, runs, unfinished }: SessionInfo): string {
  const made = runs === 0 ? 'no runs yet' : runs === 1 ? '1 run' : `${runs} runs`;
  if (!unfinished) return `${name}, ${made}`;
  const { title, layer, layers } = unfinished;
  const place = layer !== undefined && layers !== undefined ? ` at layer ${layer + 1} of ${layers}` : '';
  return `${name}, ${made}, ${title} stopped${place}`;
}
