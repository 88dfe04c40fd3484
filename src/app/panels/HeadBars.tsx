import type { HeadKind, ModelSummary } from '../../engine/protocol.ts';
import { SizeBar } from '../components/SizeBar.tsx';
import { formatBytes, formatChange } from '../format.ts';
import type { HeadPlan } from '../store/plan.ts';
import { PARTS } from '../store/size_parts.ts';

interface Props {
  model: ModelSummary;
  heads: readonly HeadPlan[];
  chosen: HeadKind | null;
}

/** The original, and the sliced model under each head, to one scale. A head that the model does not allow says why. */
export function HeadBars({ model, heads, chosen }: Props) {
  const { dense } = model.shape;
  const scale = heads.reduce((most, { plan }) => Math.max(most, plan?.parameters ?? 0), model.parameters);
  const limit = scale > model.parameters ? model.parameters / scale : undefined;
  return (
    <table className="head-bars">
      <caption className="visually-hidden">Size under each head</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Model</th>
          <td />
          <th scope="col">Size</th>
          <th scope="col">Change</th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Original</th>
          <td className="bar">
            <SizeBar kind="dense" parts={shares(dense, scale)} limit={limit} />
          </td>
          <td>{formatBytes(model.bytes)}</td>
          <td />
        </tr>
        {heads.map(({ head, plan, refusal }) => (
          <tr key={head} aria-current={head === chosen ? 'true' : undefined}>
            <th scope="row">
              {head}
              {head === chosen && <span className="visually-hidden">, chosen</span>}
            </th>
            {plan ? (
              <>
                <td className="bar">
                  <SizeBar
                    kind="sliced"
                    parts={shares(plan.parts, scale)}
                    cut={cutOf(model, plan.parameters, scale)}
                    limit={limit}
                  />
                </td>
                <td>{formatBytes(plan.bytes)}</td>
                <td className={plan.bytes > model.bytes ? 'growth' : undefined}>
                  {formatChange(plan.bytes / model.bytes - 1)}
                </td>
              </>
            ) : (
              <td colSpan={3} className="refusal">
                {refusal}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function shares(parts: HeadPlanParts, scale: number) {
  return PARTS.map(({ name, label }) => ({ label, share: parts[name] / scale }));
}

type HeadPlanParts = ModelSummary['shape']['dense'];

function cutOf(model: ModelSummary, parameters: number, scale: number): number {
  return Math.max(0, (model.parameters - parameters) / scale);
}
