/** @file The browser's own question before the page is closed or reloaded, only while something would be lost by it. */
import { isAnyLost, lossesOf } from './store/losses.ts';
import type { Studio } from './studio.ts';

/** Listens only while needed: a page that always listens is kept from the browser's back/forward cache. Returns how to stop. */
export function guardUnload({ store }: Studio): () => void {
  const onUnload = (event: BeforeUnloadEvent) => {
    event.preventDefault();
    // Chromium before 119 looks at this alone.
    event.returnValue = true;
  };
  let isGuarded = false;
  const update = () => {
    const wanted = isAnyLost(lossesOf(store.getState()));
    if (wanted === isGuarded) return;
    isGuarded = wanted;
    if (wanted) addEventListener('beforeunload', onUnload);
    else removeEventListener('beforeunload', onUnload);
  };
  update();
  const unsubscribe = store.subscribe(update);
  return () => {
    unsubscribe();
    removeEventListener('beforeunload', onUnload);
  };
}
