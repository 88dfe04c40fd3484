import type { ModelSummary } from '../../engine/protocol.ts';
import { formatChange, formatCount, formatCountChange, formatPercent } from '../format.ts';
import { headPlans, type Plan } from '../store/plan.ts';
import { explainSize, PARTS } from '../store/size_parts.ts';
import { HeadBars } from './HeadBars.tsx';

interface Props {
  model: ModelSummary;
  /** Null for a model that cannot be sliced. */
  plan: Plan | null;
}

/** The original file against the sliced one under every head, to one scale; then the chosen one in figures. */
export function SizeBlock({ model, plan }: Props) {
  const change = plan ? plan.bytes / model.bytes - 1 : 0;
  return (
    <div className="block">
      <h3>Size by part</h3>
      <HeadBars model={model} chosen={plan?.head ?? null} heads={plan ? headPlans(model.shape, plan.dimension) : []} />
      {plan && (
        <p className={change > 0 ? 'size-verdict growth' : 'size-verdict'}>
          {change > 0
            ? `The sliced file is ${formatPercent(change)} larger than the original.`
            : `${formatPercent(-change)} of the file is cut away.`}
        </p>
      )}
      <PartsTable model={model} plan={plan} />
      {plan &&
        explainSize(model.shape, plan).map((sentence) => (
          <p key={sentence} className="muted">
            {sentence}
          </p>
        ))}
    </div>
  );
}

function PartsTable({ model, plan }: Props) {
  const { dense } = model.shape;
  return (
    <table className="parts">
      <thead>
        <tr>
          <th scope="col">Part</th>
          <th scope="col">Dense</th>
          {plan && <th scope="col">Sliced</th>}
          {plan && <th scope="col">Change</th>}
        </tr>
      </thead>
      <tbody>
        {PARTS.map(({ name, label, title }, index) => {
          const before = dense[name];
          const after = plan?.parts[name] ?? 0;
          if (before === 0 && after === 0) return null;
          return (
            <tr key={name} title={title}>
              <th scope="row">
                <span className="swatch" data-step={index} aria-hidden="true" />
                {label}
              </th>
              <td>{before === 0 ? '–' : formatCount(before)}</td>
              {plan && <td>{after === 0 ? '–' : formatCount(after)}</td>}
              {plan && <td>{before > 0 ? formatChange(after / before - 1) : formatCountChange(after)}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
