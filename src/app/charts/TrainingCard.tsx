/** @file Losses of a training, live: of the windows that it learns from and of those held out. */
import { ChartCard } from '../components/ChartCard.tsx';
import { Legend } from '../components/Legend.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { formatPerplexity } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { formatLoss, shownTraining } from './training_lines.ts';

const TrainingChart = lazyPart(() => import('./TrainingChart.tsx'));

export default function TrainingCard() {
  const results = useStudioState((state) => state.results);
  const job = useStudioState((state) => state.job);
  const selected = useStudioState((state) => state.selected);
  const shown = shownTraining({ results, job, selected });
  const points = shown?.points ?? [];
  const report = shown?.report;
  const kept = report && points.find(({ step }) => step === report.best_step);
  const last = kept ?? points.at(-1);
  return (
    <ChartCard
      title="Training losses"
      className="training-card"
      summary={
        last && (
          <>
            <span className="figure-sliced">{formatLoss(last.held_out_loss)}</span> nats a token, held out
            {kept && `, step ${kept.step} kept`}
          </>
        )
      }
      note={
        report &&
        [
          `${report.objective}; ${report.windows.training} windows of ${report.windows.seqlen} tokens, ${report.windows.held_out} held out.`,
          ...report.notes,
        ].join(' ')
      }
      legend={
        <Legend
          marks={[
            { mark: 'training', label: 'training windows' },
            { mark: 'made', label: 'held-out windows' },
          ]}
        />
      }
      empty="This run trained nothing. Of one that does (heal, rft) the losses will be drawn here, step by step."
      columns={[
        { name: 'Step', value: ({ step }) => step },
        { name: 'Training loss', value: ({ training_loss }) => formatLoss(training_loss) },
        { name: 'Held-out loss', value: ({ held_out_loss }) => formatLoss(held_out_loss) },
        { name: 'Held-out perplexity', value: ({ held_out_perplexity }) => formatPerplexity(held_out_perplexity) },
      ]}
      rows={points}
    >
      <TrainingChart points={points} steps={shown?.steps ?? 1} />
    </ChartCard>
  );
}
