import type { ModelSummary } from '../../engine/protocol.ts';
import { formatKl } from '../charts/scales.ts';
import { Facts } from '../components/Facts.tsx';
import { Fold } from '../components/Fold.tsx';
import { Protocol } from '../components/Protocol.tsx';
import {
  fileStem,
  formatBytes,
  formatChange,
  formatCount,
  formatPercent,
  formatPerplexity,
  formatTokens,
} from '../format.ts';
import { fileLabelOf, labelOf } from '../store/front.ts';
import type { Run } from '../store/results.ts';
import { chosenPrecision, sizeName } from '../store/sizes.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { ExportBlock } from './ExportBlock.tsx';
import type { ResultPart } from './ResultPanel.tsx';
import { ResultSections } from './ResultSections.tsx';

interface Props {
  model: ModelSummary;
  run: Run;
  part: ResultPart | undefined;
}

/** A run of a recipe beside the original, and its files. */
export function RecipeResult({ model, run, part }: Props) {
  const studio = useStudio();
  const dense = useStudioState((state) => state.results.dense);
  const { report, perplexity } = run;
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const bytes = report.file_bytes[precision];
  const divergence = perplexity?.divergence;
  const label = labelOf(run);
  const rows = [
    {
      name: 'Perplexity',
      dense: dense && formatPerplexity(dense.perplexity),
      made: perplexity && formatPerplexity(perplexity.perplexity),
      change: dense && perplexity ? perplexity.perplexity / dense.perplexity - 1 : null,
    },
    {
      name: sizeName(model, precision),
      dense: formatBytes(model.bytes),
      made: formatBytes(bytes),
      change: bytes / model.bytes - 1,
    },
    {
      name: 'Parameters',
      dense: formatCount(model.parameters),
      made: formatCount(report.parameters),
      change: report.parameters / model.parameters - 1,
    },
    {
      name: 'Products a token',
      dense: formatCount(model.multiplications_per_token),
      made: formatCount(report.multiplications_per_token),
      change: report.multiplications_per_token / model.multiplications_per_token - 1,
    },
    {
      name: 'Tokens/s',
      dense: dense && formatTokens(dense.tokens_per_second),
      made: perplexity && formatTokens(perplexity.tokens_per_second),
      change: null,
    },
  ];
  return (
    <ResultSections
      part={part}
      aside={<span className="section-note">{((8 * bytes) / model.parameters).toFixed(2)} bits a weight</span>}
      figures={
        <>
          <p className="recipe-text" title={report.recipe}>
            {label === report.recipe ? (
              <code>{label}</code>
            ) : (
              <>
                <strong>{label}</strong> <code>{report.recipe}</code>
              </>
            )}
          </p>
          <p>
            <button
              type="button"
              className="link"
              title="Its steps stand in the form then: to change them, or to run them on another model"
              onClick={() => studio.store.setState({ recipe: report.recipe })}
            >
              Take this recipe
            </button>
          </p>
          <table className="comparison">
            <thead>
              <tr>
                <td />
                <th scope="col" title="The model as it was opened">
                  Dense
                </th>
                <th scope="col" className="sliced">
                  Made
                </th>
                <th scope="col">Change</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, dense: before, made, change }, index) => (
                <tr key={name} className={index === 0 ? 'main' : undefined}>
                  <th scope="row">{name}</th>
                  <td>{before ?? '–'}</td>
                  <td className="sliced">{made ?? '–'}</td>
                  <td>{change === null ? '–' : formatChange(change)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {divergence && (
            <Facts
              facts={[
                {
                  name: 'KL divergence',
                  title: 'From the dense model, nats a token, mean ± standard error',
                  value: `${formatKl(divergence.kl_divergence)} ± ${formatKl(divergence.kl_error, 2)}`,
                },
                {
                  name: 'Top-1 agreement',
                  title: 'How often its most likely token is the dense model’s',
                  value: `${formatPercent(divergence.top1_agreement)} ± ${formatPercent(divergence.top1_error)}`,
                },
                {
                  name: 'Right token’s probability',
                  title: 'Mean and root mean square of its change',
                  value: `${formatChange(divergence.probability_change.mean)}, RMS ${formatPercent(divergence.probability_change.rms)}`,
                },
              ]}
            />
          )}
          {perplexity && <Protocol protocol={perplexity.protocol} />}
        </>
      }
      take={{
        title: 'Export this model',
        fields: (
          <ExportBlock
            kind={report.parts.shortcuts > 0 ? 'sliced' : 'compressed'}
            id={run.id}
            perplexity={perplexity}
            exports={run.exports}
            isLost={run.is_lost}
            steps={report.steps}
            stem={fileStem(model.name, fileLabelOf(run))}
          />
        ),
      }}
      rest={<StepErrors run={run} />}
    />
  );
}

/** What each step lost, as it measured it on its own inputs, and how long it took. */
function StepErrors({ run: { report } }: { run: Run }) {
  return (
    <Fold title="What each step lost">
      <Facts
        facts={report.steps.map(({ method, error, seconds }) => ({
          name: method,
          title: 'Mean share of what each linear gave that is lost; time',
          value: `${error === undefined ? '' : `loses ${formatPercent(error)} · `}${seconds.toFixed(1)} s`,
        }))}
      />
    </Fold>
  );
}
