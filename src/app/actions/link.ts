/** @file Settings as an address to hand on, and settings from one that was followed. */
import { readLink, writeLink } from '../store/link.ts';
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
  const { settings, recipe, front } = store.getState();
  const { state, isAny, unread } = readLink(hash, { settings, recipe, front });
  if (isAny) store.setState(state);
  if (unread.length === 0) return;
  const title = 'Part of this address is not understood';
  const lines = [...unread.slice(0, 4), ...(unread.length > 4 ? [`And ${unread.length - 4} more.`] : [])];
  await ask(studio, { title, lines, answers: [], refusal: 'Go on without' });
}
