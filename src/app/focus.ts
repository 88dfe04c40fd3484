/**
 * @file Keeps the focus from falling to the top of the page when what had it goes: a notice that was obeyed, a field that is
 * not drawn any more.
 */

/** What takes it over while a job runs, and where nothing nearer is left: it is always there. */
const HEIR = 'button[data-action="cancel"]';
const CONTROL = 'button, input, select, textarea, summary, a[href], [tabindex="0"]';
/** Beyond, nothing is near any more. */
const FAR = 'body, main, .column, .workbench';

/** The first control of the nearest place around that is left: the row of a field, the panel of a notice. */
function nearest(around: readonly Element[]): HTMLElement | undefined {
  for (const place of around) {
    if (place.matches(FAR)) return undefined;
    const controls = place.isConnected ? [...place.querySelectorAll<HTMLElement>(CONTROL)] : [];
    const found = controls.find((each) => each.checkVisibility());
    if (found) return found;
  }
  return undefined;
}

/** From the inside out. */
function around(element: Element | null): Element[] {
  return element?.parentElement ? [element.parentElement, ...around(element.parentElement)] : [];
}

/** Returns how to stop. */
export function keepFocus(): () => void {
  let last: Element | null = null;
  let places: readonly Element[] = [];
  const onFocus = (event: FocusEvent) => {
    last = event.target as Element;
    places = around(last);
  };
  // Browsers tell nobody that a focused element was removed.
  const observer = new MutationObserver(() => {
    if (document.activeElement !== document.body || !last || last.isConnected) return;
    last = null;
    const heir = document.querySelector<HTMLElement>(HEIR);
    const isIdle = heir?.ariaDisabled === 'true';
    ((isIdle && nearest(places)) || heir)?.focus({ preventScroll: true });
  });
  addEventListener('focusin', onFocus);
  observer.observe(document.body, { childList: true, subtree: true });
  return () => {
    removeEventListener('focusin', onFocus);
    observer.disconnect();
  };
}
