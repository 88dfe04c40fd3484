/** @file What is there is shown in place of being made once more. */
import type { RepeatPlace } from '../store/repeat.ts';
import type { Run } from '../store/results.ts';
import type { Studio } from '../studio.ts';

/** Said beside the button that asked; a single run is what the result speaks of. */
export function showRepeat({ store }: Studio, place: RepeatPlace, runs: readonly Run[]): void {
  const [only] = runs;
  // A slice's settings are those of the slider, which stands where it was made.
  if (runs.length === 1) store.setState({ selected: place === 'slice' ? null : only.id });
  store.setState(({ settings, recipe, front, edits }) => ({
    repeat: { place, ids: runs.map(({ id }) => id), settings, recipe, front, edits },
  }));
}

/** Its row in the table, wherever that was scrolled to. */
export function goToRun(id: string): void {
  const row = document.querySelector(`[data-run="${CSS.escape(id)}"]`);
  row?.querySelector<HTMLElement>('.run-choose')?.focus();
  // It flashed when it was found, perhaps out of sight.
  for (const flash of row?.getAnimations() ?? []) flash.play();
}
