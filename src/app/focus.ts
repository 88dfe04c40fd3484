/**
 * @file Keeps the focus from falling to the top of the page when what had it goes: a notice that was obeyed, a field that is
 * not drawn any more.
 */

/** What takes it over: always there, and about what was just started. */
const HEIR = 'button[data-action="cancel"]';

/** Returns how to stop. */
export function keepFocus(): () => void {
  let last: Element | null = null;
  const onFocus = (event: FocusEvent) => {
    last = event.target as Element;
  };
  // Browsers tell nobody that a focused element was removed.
  const observer = new MutationObserver(() => {
    if (document.activeElement !== document.body || !last || last.isConnected) return;
    last = null;
    document.querySelector<HTMLElement>(HEIR)?.focus({ preventScroll: true });
  });
  addEventListener('focusin', onFocus);
  observer.observe(document.body, { childList: true, subtree: true });
  return () => {
    removeEventListener('focusin', onFocus);
    observer.disconnect();
  };
}
