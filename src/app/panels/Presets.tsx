import { memo, useMemo } from 'react';
import type { ModelSummary } from '../../engine/protocol.ts';
import { preview } from '../actions/preview.ts';
import { formatBytes } from '../format.ts';
import { planOf } from '../store/plan.ts';
import { SWEEP_PERCENT } from '../store/settings.ts';
import { chosenPrecision, slicedTotal } from '../store/sizes.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** The usual places of the slider, each with the size that it would give; pressing one measures there, as letting go does. */
export const Presets = memo(function Presets({ model }: { model: ModelSummary }) {
  const studio = useStudio();
  // Between them the slider moves without these being drawn anew.
  const chosen = useStudioState(({ settings }) =>
    SWEEP_PERCENT.find((percent) => percent === settings.sparsity_percent),
  );
  const round = useStudioState((state) => state.settings.round);
  const head = useStudioState((state) => state.settings.head);
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const sizes = useMemo(
    () =>
      SWEEP_PERCENT.map((percent) => {
        const { plan } = planOf(model, { round, head, sparsity_percent: percent });
        return plan ? formatBytes(slicedTotal(model, plan, precision)) : '–';
      }),
    [model, round, head, precision],
  );
  function choose(percent: number) {
    changeSettings(studio.store, { sparsity_percent: percent });
    void preview(studio);
  }
  return (
    <fieldset className="presets" aria-label="Presets">
      {SWEEP_PERCENT.map((percent, index) => (
        <button
          key={percent}
          type="button"
          aria-pressed={percent === chosen}
          aria-label={`${percent} %, ${sizes[index]}`}
          onClick={() => choose(percent)}
        >
          <span>{percent} %</span>
          <span>{sizes[index]}</span>
        </button>
      ))}
    </fieldset>
  );
});
