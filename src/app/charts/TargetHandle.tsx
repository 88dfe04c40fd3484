import type { ModelSummary } from '../../engine/protocol.ts';
import { formatBytes, formatPercent } from '../format.ts';
import { changeFront } from '../store/store.ts';
import { roundBytes, targetOf } from '../store/target.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { PLOT } from './front_plot.ts';

interface HandleProps {
  model: ModelSummary;
  domain: readonly [number, number];
}

/** A native slider that lies on the size axis: pointer, keys and screen readers work as ever. */
export function TargetHandle({ model, domain: [least, most] }: HandleProps) {
  const studio = useStudio();
  const target = useStudioState((state) => targetOf(model, state.front.target));
  const step = Math.max(1, roundBytes((most - least) / 200));
  const share = Math.min(1, Math.max(0, (target - least) / (most - least)));
  return (
    <div
      className="target-handle"
      style={
        {
          left: PLOT.axisWidth,
          right: PLOT.margin.right,
          top: PLOT.margin.top,
          bottom: PLOT.axisHeight,
          '--share': share,
        } as React.CSSProperties
      }
    >
      <output aria-hidden="true">{formatBytes(target)}</output>
      <input
        type="range"
        aria-label="Size target"
        min={least}
        max={most}
        step={step}
        value={Math.min(most, Math.max(least, target))}
        aria-valuetext={`${formatBytes(target)}, ${formatPercent(target / model.bytes)} of the original`}
        onChange={(event) => changeFront(studio.store, { target: Number(event.target.value) })}
      />
    </div>
  );
}
