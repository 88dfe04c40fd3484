/** @file Settings as an address to hand on, and settings from one that was followed. */
import { linkDifferences, readLink, writeLink } from '../store/link.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';

/** The page's address with the settings behind "#"; it stands in the address bar from then on. */
export function linkOf({ store }: Studio): string {
  const address = new URL(location.href);
  address.hash = writeLink(store.getState());
  return address.href;
}

/** Takes what the address says, and tells what of it is not understood. */
export async function followLink(studio: Studio, hash: string): Promise<void> {
  const { store } = studio;
  const { settings, recipe, front, edits } = store.getState();
  const { state, isAny, unread } = readLink(hash, { settings, recipe, front, edits });
  if (isAny) {
    store.setState(state);
    studio.linked = hash;
  }
  if (unread.length === 0) return;
  const title = 'Part of this address is not understood';
  const lines = [...unread.slice(0, 4), ...(unread.length > 4 ? [`And ${unread.length - 4} more.`] : [])];
  await ask(studio, { title, lines, answers: [], refusal: 'Go on without' });
}

/**
 * A session came back with settings of its own, and the page was opened by an address that says otherwise: the session's stand
 * until the person takes the address's. Asked once.
 */
export async function offerLinked(studio: Studio): Promise<void> {
  const { store, linked } = studio;
  studio.linked = null;
  if (linked === null) return;
  const lines = linkDifferences(linked, store.getState());
  if (lines.length === 0) return;
  const chosen = await ask(studio, {
    title: 'This address has other settings than the session',
    lines: [...lines.slice(0, 4), ...(lines.length > 4 ? [`And ${lines.length - 4} more.`] : [])],
    answers: [{ value: 'take', label: 'Take the address’s' }],
    refusal: 'Keep the session’s',
  });
  if (chosen === 'take') {
    store.setState(readLink(linked, store.getState()).state);
    return;
  }
  // The next reload would ask again.
  globalThis.history?.replaceState(null, '', globalThis.location.pathname + globalThis.location.search);
}
