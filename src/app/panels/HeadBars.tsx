import type { HeadKind, ModelSummary, PartSizes, Precision } from '../../engine/protocol.ts';
import { SizeBar } from '../components/SizeBar.tsx';
import { formatBytes, formatChange } from '../format.ts';
import type { HeadPlan, Plan } from '../store/plan.ts';
import { PARTS } from '../store/size_parts.ts';
import { originalBytes, slicedBytes, slicedTotal } from '../store/sizes.ts';

interface Props {
  model: ModelSummary;
  heads: readonly HeadPlan[];
  chosen: HeadKind | null;
  /** Of the export that is chosen. */
  precision: Precision;
}

/** The original, and the sliced model under each head, in bytes and to one scale. A head that the model does not allow says why. */
export function HeadBars({ model, heads, chosen, precision }: Props) {
  const bytesOf = (plan: Plan) => slicedTotal(model, plan, precision);
  const scale = heads.reduce((most, { plan }) => Math.max(most, plan ? bytesOf(plan) : 0), model.bytes);
  const limit = scale > model.bytes ? model.bytes / scale : undefined;
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
          <th scope="row">Dense</th>
          <td className="bar">
            <SizeBar kind="dense" parts={shares(originalBytes(model), scale)} limit={limit} />
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
                    parts={shares(slicedBytes(model, plan, precision), scale)}
                    cut={Math.max(0, model.bytes - bytesOf(plan)) / scale}
                    limit={limit}
                  />
                </td>
                <td>{formatBytes(bytesOf(plan))}</td>
                <td className={bytesOf(plan) > model.bytes ? 'growth' : undefined}>
                  {formatChange(bytesOf(plan) / model.bytes - 1)}
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

function shares(bytes: PartSizes, scale: number) {
  return PARTS.map(({ name, label }) => ({ label, share: bytes[name] / scale }));
}
