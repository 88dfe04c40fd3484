/** @file Single keys for the main actions; they stay out of the way of typing, sliders and browser shortcuts. */
import { cancelJob } from './actions/job.ts';
import type { Studio } from './studio.ts';

/** Each key presses the button of that name, so that a key can never do what its button would not. */
const BUTTONS: Record<string, string> = { o: 'files', t: 'demo', s: 'slice', w: 'sweep', e: 'export' };

export function listenToKeys(studio: Studio): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const popover = document.getElementById('shortcuts');
    if (event.key === 'Escape') {
      // The first Escape closes an open popover, as everywhere else.
      if (!popover?.matches(':popover-open')) cancelJob(studio);
      return;
    }
    if (isTyping(event.target)) return;
    if (event.key === '?') {
      popover?.togglePopover();
      event.preventDefault();
      return;
    }
    const action = BUTTONS[event.key.toLowerCase()];
    const button = action && document.querySelector<HTMLButtonElement>(`button[data-action="${action}"]`);
    if (button && !button.disabled) {
      button.click();
      event.preventDefault();
    }
  };
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['radio', 'checkbox', 'range', 'button'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
