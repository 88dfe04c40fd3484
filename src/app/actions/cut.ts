import { clampNumber, MAX_SPARSITY_PERCENT } from '../store/settings.ts';
import { changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';

/** The slider goes where this dimension is kept, as near as its range and the rounding allow. */
export function cutAt({ store }: Studio, dimension: number): void {
  const { settings, results } = store.getState();
  if (!results.model) return;
  const { round, sparsity_percent } = settings;
  const hiddenSize = results.model.shape.hidden_size;
  const kept = Math.max(round, Math.round(dimension / round) * round);
  // Down to a tenth, so that rounding down keeps this dimension and not the next smaller one.
  const percent = Math.floor(1000 * (1 - kept / hiddenSize)) / 10;
  const next = clampNumber(percent, 0, MAX_SPARSITY_PERCENT, sparsity_percent);
  if (next !== sparsity_percent) changeSettings(store, { sparsity_percent: next });
}
