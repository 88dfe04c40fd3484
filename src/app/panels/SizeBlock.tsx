import type { ModelSummary } from '../../engine/protocol.ts';
import { Fold } from '../components/Fold.tsx';
import { formatChange, formatCount, formatCountChange } from '../format.ts';
import { headPlans, type Plan } from '../store/plan.ts';
import { explainSize, PARTS } from '../store/size_parts.ts';
import { chosenPrecision, explainBytes, slicedTotal } from '../store/sizes.ts';
import { useStudioState } from '../studio.ts';
import { HeadBars } from './HeadBars.tsx';

interface Props {
  model: ModelSummary;
  /** Null for a model that cannot be sliced. */
  plan: Plan | null;
}

/** What the file will be against the original, in words. */
export function SizeVerdict({ model, plan }: { model: ModelSummary; plan: Plan }) {
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const bytes = slicedTotal(model, plan, precision);
  return explainBytes(model, bytes, precision).map((sentence, index) => (
    <p key={sentence} className={index > 0 ? 'muted' : bytes > model.bytes ? 'size-verdict growth' : 'size-verdict'}>
      {sentence}
    </p>
  ));
}

/** The original file against the sliced one under every head, in bytes and to one scale; then the chosen one in parameters. */
export function SizeBlock({ model, plan }: Props) {
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  return (
    <Fold title="Size by part">
      {() => (
        <>
          <HeadBars
            model={model}
            chosen={plan?.head ?? null}
            heads={plan ? headPlans(model.shape, plan.dimension) : []}
            precision={precision}
          />
          <PartsTable model={model} plan={plan} />
          {plan &&
            explainSize(model.shape, plan).map((sentence) => (
              <p key={sentence} className="muted">
                {sentence}
              </p>
            ))}
        </>
      )}
    </Fold>
  );
}

function PartsTable({ model, plan }: Props) {
  const { dense } = model.shape;
  return (
    <table className="parts">
      <thead>
        <tr>
          <th scope="col">Parameters</th>
          <th scope="col" title="The model as it was opened">
            Dense
          </th>
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
