import type { ReactNode } from 'react';
import type { ModelSummary, PerplexityReport, Precision } from '../../engine/protocol.ts';
import { Protocol } from '../components/Protocol.tsx';
import { formatBytes, formatChange, formatCount, formatPerplexity, formatTokens } from '../format.ts';
import type { Plan } from '../store/plan.ts';
import { isSameEvaluation, type RebasedRun } from '../store/results.ts';
import { precisionName, sizedOf, sizeName, slicedTotal } from '../store/sizes.ts';

interface Props {
  model: ModelSummary;
  dense: PerplexityReport | null;
  plan: Plan;
  run: RebasedRun | null;
  /** Of the export that is chosen. */
  precision: Precision;
}

/** Dense, sliced and the change, row by row. A dash stands where nothing has been measured. */
export function Comparison({ model, dense, plan, run, precision }: Props) {
  const sliced = run?.perplexity ?? null;
  const bytes = slicedTotal(model, run ? sizedOf(run) : plan, precision);
  const rounded = precisionName(model, precision);
  const parameters = run?.report.parameters ?? plan.parameters;
  const areComparable = dense !== null && sliced !== null && isSameEvaluation(dense.protocol, sliced.protocol);
  return (
    <>
      <table className="comparison">
        <thead>
          <tr>
            <td />
            <th scope="col" title="The model as it was opened">
              Dense
            </th>
            <th scope="col" className="sliced">
              {run?.is_preview ? 'Sliced, quick' : 'Sliced'}
            </th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          <Row
            name="Perplexity"
            dense={dense && formatPerplexity(dense.perplexity)}
            sliced={sliced && formatPerplexity(sliced.perplexity)}
            change={areComparable ? sliced.perplexity / dense.perplexity - 1 : null}
            isMain
          />
          <Row
            name={sizeName(model, precision)}
            dense={formatBytes(model.bytes)}
            sliced={formatBytes(bytes)}
            change={bytes / model.bytes - 1}
          />
          <Row
            name="Parameters"
            dense={formatCount(model.parameters)}
            sliced={formatCount(parameters)}
            change={parameters / model.parameters - 1}
          />
          <Row
            name="Tokens/s"
            dense={dense && formatTokens(dense.tokens_per_second)}
            sliced={sliced && formatTokens(sliced.tokens_per_second)}
            // Measured one after the other, under whatever else the machine did: no difference to tell.
            change={null}
          />
        </tbody>
      </table>
      {sliced && rounded !== null && rounded !== 'f16' && (
        <p className="muted">
          Perplexity and speed are of the weights before they are rounded to {rounded}; an export measures its own file.
        </p>
      )}
      {(sliced ?? dense) && <Protocol protocol={(sliced ?? dense!).protocol} />}
      {!sliced && dense && (
        <p className="muted">Release the slider for a quick measure, or press Slice for the exact run.</p>
      )}
    </>
  );
}

interface RowProps {
  name: string;
  dense: ReactNode;
  sliced: ReactNode;
  change: number | null;
  isMain?: boolean;
}

function Row({ name, dense, sliced, change, isMain }: RowProps) {
  return (
    <tr className={isMain ? 'main' : undefined}>
      <th scope="row">{name}</th>
      <td>{dense ?? '–'}</td>
      <td className="sliced">{sliced ?? '–'}</td>
      <td>{change === null ? '–' : formatChange(change)}</td>
    </tr>
  );
}
