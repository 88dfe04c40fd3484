import { ErrorNote } from '../components/ErrorNote.tsx';
import { Facts } from '../components/Facts.tsx';
import { formatBytes, formatChange, formatCount } from '../format.ts';
import { FORMAT_LABELS } from '../store/exports.ts';
import { useStudioState } from '../studio.ts';
import type { PlanState } from './recipe_plans.ts';

/** What the recipe will make, known from shapes before it runs. */
export function RecipePlan({ plan: { report, error } }: { plan: PlanState }) {
  const model = useStudioState((state) => state.results.model);
  if (error) return <ErrorNote title="It cannot be planned" error={error} />;
  if (!model) return null;
  const change = (now: number | undefined, before: number) =>
    now === undefined ? (
      '–'
    ) : (
      <span className={now > before ? 'change growth' : 'change'}>{formatChange(now / before - 1)}</span>
    );
  return (
    <>
      {report?.refusals.map(({ step, reason }) => (
        <p key={step} className="notice">
          <strong>{step}</strong> is not for this model: {reason}
          {reason.endsWith('.') ? '' : '.'}
        </p>
      ))}
      {report?.files.flatMap(({ format, notes }) =>
        notes.map((note) => (
          <p key={note} className="muted">
            As {FORMAT_LABELS[format]}: {note}
          </p>
        )),
      )}
      <Facts
        facts={[
          {
            name: 'Size',
            title: 'Packed weights as they are packed, floats as float16',
            value: (
              <>
                {report ? formatBytes(report.bytes) : '–'} {change(report?.bytes, model.bytes)}
              </>
            ),
          },
          { name: 'Bits a weight', value: report ? report.bits_per_weight.toFixed(2) : '–' },
          {
            name: 'Parameters',
            value: (
              <>
                {report ? formatCount(report.parameters) : '–'} {change(report?.parameters, model.parameters)}
              </>
            ),
          },
          {
            name: 'Products a token',
            title: 'Multiplications of weights with activations, zeros not counted',
            value: (
              <>
                {report ? formatCount(report.multiplications_per_token) : '–'}{' '}
                {change(report?.multiplications_per_token, model.multiplications_per_token)}
              </>
            ),
          },
          {
            name: 'Storage while it runs',
            title: 'Of the browser’s storage, at most',
            value: report ? formatBytes(report.storage_bytes) : '–',
          },
        ]}
      />
    </>
  );
}
