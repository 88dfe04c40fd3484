/** @file A failed job: read, and found again. What mends it is in `mend.ts`. */
import type { Studio } from '../studio.ts';

export function dismiss({ store }: Studio): void {
  store.setState(({ job }) => (job.state === 'failed' ? { job: { ...job, is_dismissed: true } } : {}));
}

/** To where it stands, with the focus. */
export function showFailure(): void {
  goTo(document.querySelector<HTMLElement>('[data-failure]'));
}

/** With the folds around it open, and the focus on it. */
export function goTo(element: HTMLElement | null): void {
  if (!element) return;
  for (let fold = element.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null) {
    fold.open = true;
  }
  if (element instanceof HTMLDetailsElement) element.open = true;
  element.scrollIntoView({ block: 'center' });
  const target = element instanceof HTMLDetailsElement ? element.querySelector('summary') : element;
  target?.focus({ preventScroll: true });
}
