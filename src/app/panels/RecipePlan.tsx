import { ErrorNote } from '../components/ErrorNote.tsx';
import { Facts } from '../components/Facts.tsx';
import { formatBytes, formatChange, formatCount } from '../format.ts';
import { FORMAT_LABELS } from '../store/exports.ts';
import { chosenPrecision } from '../store/sizes.ts';
import { useStudioState } from '../studio.ts';
import type { PlanState } from './recipe_plans.ts';

/** What the recipe will make, known from shapes before it runs. */
export function RecipePlan({ plan: { report, error } }: { plan: PlanState }) {
  const model = useStudioState((state) => state.results.model);
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const bytes = report?.file_bytes[precision];
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
      {report?.lacks && <ErrorNote title="A file is missing" error={report.lacks} />}
      {report?.files.flatMap(({ format, refusal, notes }) =>
        [...(refusal === undefined ? [] : [refusal]), ...notes].map((note) => (
          <p key={note} className="muted">
            As {FORMAT_LABELS[format]}: {note}
          </p>
        )),
      )}
      <details className="fold">
        <summary title="What it will make, from shapes alone">
          {bytes === undefined ? (
            'Size: not known yet'
          ) : (
            <>
              <strong>{formatBytes(bytes)}</strong> {change(bytes, model.bytes)} ·{' '}
              {((8 * bytes) / model.parameters).toFixed(2)} bits a weight
            </>
          )}
        </summary>
        <div className="fold-body">
          <Facts
            facts={[
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
              {
                name: 'Memory while it runs',
                title: report?.memory
                  ? `Tensors at most, during ${report.memory.step}; beside them the page takes ${formatBytes(report.memory.host.stored_layer + report.memory.host.readback)}`
                  : 'Told when a backend is there',
                value: report?.memory ? formatBytes(report.memory.device_bytes) : '–',
              },
            ]}
          />
        </div>
      </details>
    </>
  );
}
