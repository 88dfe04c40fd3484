import type { ModelSummary } from '../../engine/protocol.ts';
import { SizeBar } from '../components/SizeBar.tsx';
import { formatBytes, formatChange, formatCount, formatCountChange, formatPercent } from '../format.ts';
import type { Plan } from '../store/plan.ts';
import { explainSize, PARTS } from '../store/size_parts.ts';

/** The original file against the sliced one, to one scale. */
export function SizeBlock({ model, plan }: { model: ModelSummary; plan: Plan }) {
  const { dense } = model.shape;
  const scale = Math.max(model.parameters, plan.parameters);
  const change = plan.bytes / model.bytes - 1;
  return (
    <div className="block">
      <h3>Size by part</h3>
      <SizeBar
        kind="dense"
        label={`Original, ${formatBytes(model.bytes)}`}
        parts={PARTS.map(({ name, label }) => ({ label, share: dense[name] / scale }))}
        cut={0}
      />
      <SizeBar
        kind="sliced"
        label={`Sliced, ${formatBytes(plan.bytes)}`}
        parts={PARTS.map(({ name, label }) => ({ label, share: plan.parts[name] / scale }))}
        cut={Math.max(0, (model.parameters - plan.parameters) / scale)}
        limit={model.parameters < plan.parameters ? model.parameters / scale : undefined}
      />
      <p className={change > 0 ? 'size-verdict growth' : 'size-verdict'}>
        {change > 0
          ? `The sliced file is ${formatPercent(change)} larger than the original.`
          : `${formatPercent(-change)} of the file is cut away.`}
      </p>
      <table className="parts">
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">Dense</th>
            <th scope="col">Sliced</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          {PARTS.map(({ name, label }, index) => {
            const before = dense[name];
            const after = plan.parts[name];
            if (before === 0 && after === 0) return null;
            return (
              <tr key={name}>
                <th scope="row">
                  <span className="swatch" data-step={index} aria-hidden="true" />
                  {label}
                </th>
                <td>{before === 0 ? '–' : formatCount(before)}</td>
                <td>{after === 0 ? '–' : formatCount(after)}</td>
                <td>{before > 0 ? formatChange(after / before - 1) : after > 0 ? formatCountChange(after) : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {explainSize(model.shape, plan).map((sentence) => (
        <p key={sentence} className="muted">
          {sentence}
        </p>
      ))}
    </div>
  );
}
