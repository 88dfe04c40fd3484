/** @file Single keys for the main actions; they stay out of the way of typing, sliders and browser shortcuts. */
import { cancelJob } from './actions/job.ts';
import type { StudioState } from './store/store.ts';
import type { Studio } from './studio.ts';

/** Each key presses the button of that name, so that a key can never do what its button would not. */
const BUTTONS: Readonly<Record<string, string>> = { o: 'files', t: 'demo', s: 'slice', w: 'sweep', e: 'export' };

/** These open another model in place of the one that is open; its runs and exports go with it. */
const REPLACING: ReadonlySet<string> = new Set(['files', 'demo']);

export function listenToKeys(studio: Studio): () => void {
  const onKey = (event: KeyboardEvent) => {
    const way = stepOf(event);
    if (way && !event.defaultPrevented && !hasOwnUndo(event.target)) {
      studio.history?.[way]();
      event.preventDefault();
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const popover = document.getElementById('shortcuts');
    if (event.key === 'Escape') {
      // The first Escape closes an open popover, as everywhere else.
      if (!document.querySelector(':popover-open')) cancelJob(studio);
      return;
    }
    if (isTyping(event.target)) return;
    if (event.key === '?') {
      popover?.togglePopover();
      event.preventDefault();
      return;
    }
    if (event.key.toLowerCase() === 'r') {
      // Eighty stops of the Tab key lie between what makes a model and what came of it.
      document.querySelector<HTMLElement>('button[data-action^="export"]')?.focus();
      return;
    }
    const action = actionOf(event.key, studio.store.getState());
    const button = action && document.querySelector<HTMLButtonElement>(`button[data-action="${action}"]`);
    if (button && !button.disabled && button.ariaDisabled !== 'true') {
      button.click();
      event.preventDefault();
    }
  };
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}

/** Which button a key presses now; null where it has none, or where a slip of the finger would cost results. */
export function actionOf(key: string, { job, results }: Pick<StudioState, 'job' | 'results'>): string | null {
  const action = BUTTONS[key.toLowerCase()] ?? null;
  const isWork = job.state === 'running' || results.runs.length > 0;
  return action && REPLACING.has(action) && isWork ? null : action;
}

/** Ctrl (on a Mac Cmd) with Z, with Shift and Z, with Y. */
export function stepOf({
  key,
  ctrlKey,
  metaKey,
  altKey,
  shiftKey,
}: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): 'undo' | 'redo' | null {
  if (ctrlKey === metaKey || altKey) return null;
  const letter = key.toLowerCase();
  if (letter === 'z') return shiftKey ? 'redo' : 'undo';
  return letter === 'y' && ctrlKey && !shiftKey ? 'redo' : null;
}

const TEXTLESS: ReadonlySet<string> = new Set(['radio', 'checkbox', 'range', 'button', 'file', 'color', 'submit']);

/** Fields for text take back what was typed in them. */
function hasOwnUndo(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !TEXTLESS.has(target.type) && !target.readOnly;
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['radio', 'checkbox', 'range', 'button'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
