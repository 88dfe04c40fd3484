/** @file Losses of trainings, live: of the windows that they learn from and of those held out. Of several in one recipe one is drawn. */
import { useState } from 'react';
import type { TrainingReport } from '../../engine/protocol.ts';
import { ChartCard } from '../components/ChartCard.tsx';
import { Legend } from '../components/Legend.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { Segmented } from '../components/Segmented.tsx';
import { formatPerplexity } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { formatLoss, overfitting, type ShownTraining, shownTrainings } from './training_lines.ts';

const TrainingChart = lazyPart(() => import('./TrainingChart.tsx'));

export default function TrainingCard() {
  const results = useStudioState((state) => state.results);
  const job = useStudioState((state) => state.job);
  const selected = useStudioState((state) => state.selected);
  const all = shownTrainings({ results, job, selected });
  // The newest, until another is chosen; of fewer trainings the last.
  const [chosen, choose] = useState<number | null>(null);
  const index = Math.min(chosen ?? Number.POSITIVE_INFINITY, all.length - 1);
  const shown = all.at(index);
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
            {shown && overfitting(shown) && <strong>, over-fitting</strong>}
          </>
        )
      }
      tools={all.length > 1 && <Choice all={all} index={index} onChange={choose} />}
      note={
        report &&
        [
          `${report.objective}; ${windowsText(report.windows)}, ${report.windows.held_out} held out.`,
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

function windowsText({ training, seqlen }: TrainingReport['windows']): string {
  return `${training} ${training === 1 ? 'window' : 'windows'} of ${seqlen} tokens`;
}

interface ChoiceProps {
  all: readonly ShownTraining[];
  index: number;
  onChange: (index: number) => void;
}

/** "1 heal, hidden · 2 heal, kl": the trainings of a recipe in their order. */
function Choice({ all, index, onChange }: ChoiceProps) {
  return (
    <Segmented
      legend="Training shown"
      choices={all.map((each, i) => ({ value: String(i), label: `${i + 1} ${each.label}`, title: overfitting(each) }))}
      value={String(index)}
      onChange={(value) => onChange(Number(value))}
    />
  );
}
