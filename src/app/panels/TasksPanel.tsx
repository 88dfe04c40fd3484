import { useRef } from 'react';
import type { TaskScore } from '../../engine/protocol.ts';
import { scoreTasks, takeTasks } from '../actions/tasks.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { Section } from '../components/Section.tsx';
import { formatCount, formatPercent } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';

interface Props {
  /** Of the run that the result speaks of, where one has been made and its weights are there. */
  run: string | null;
}

/** Multiple-choice tasks from files: the dense model's accuracies beside those of the run at hand. */
export function TasksPanel({ run }: Props) {
  const studio = useStudio();
  const tasks = useStudioState((state) => state.results.tasks);
  const dense = useStudioState((state) => state.results.scores.dense);
  const made = useStudioState((state) => (run === null ? undefined : state.results.scores[run]));
  const hasTexts = useStudioState((state) => state.results.protocol !== null);
  const input = useRef<HTMLInputElement>(null);
  const busy = useIsBusy() && BUSY;
  const unready = busy || (!hasTexts && 'Measure the dense model first');
  return (
    <Section title="Tasks" aside={tasks.length > 0 && <span className="section-note">multiple choice, zero-shot</span>}>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".jsonl"
        aria-label="Files of multiple-choice examples"
        onChange={({ target }) => {
          const files = [...(target.files ?? [])];
          // The same files can be chosen again after a failure.
          if (files.length > 0) void takeTasks(studio, files);
          target.value = '';
        }}
      />
      {tasks.length === 0 ? (
        <p className="field-note">
          Open examples in JSON Lines, in the form of PIQA, ARC, HellaSwag or WinoGrande, to see how often a model finds
          the right answer.
        </p>
      ) : (
        <table className="comparison">
          <thead>
            <tr>
              <td />
              <th scope="col">Examples</th>
              <th scope="col" title="The model as it was opened">
                Dense
              </th>
              <th scope="col" className="sliced">
                Made
              </th>
            </tr>
          </thead>
          <tbody>
            {tasks.map(({ task, form, examples }, index) => (
              <tr key={task}>
                <th scope="row" title={`In the form of ${form}`}>
                  {task}
                </th>
                <td>{formatCount(examples)}</td>
                <ScoreCell score={dense?.[index]} />
                <ScoreCell score={made?.[index]} className="sliced" />
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="button-row wrapping">
        <ActionButton hindrance={busy} onClick={() => input.current?.click()}>
          Open tasks…
        </ActionButton>
        {tasks.length > 0 && (
          <>
            <ActionButton hindrance={unready} onClick={() => void scoreTasks(studio, 'dense')}>
              Score dense
            </ActionButton>
            <ActionButton
              hindrance={unready || (run === null && 'Make a model first')}
              onClick={() => run !== null && void scoreTasks(studio, run)}
            >
              Score this model
            </ActionButton>
          </>
        )}
      </div>
      <FailureNote place="tasks" />
    </Section>
  );
}

/** acc_norm where the task has one, as results are usually told; the other with it on hover. */
function ScoreCell({ score, className }: { score?: TaskScore; className?: string }) {
  if (!score) return <td className={className}>–</td>;
  const { acc, acc_norm } = score;
  const shown = acc_norm ?? acc;
  const told = (name: string, { value, error }: typeof acc) =>
    `${name} ${formatPercent(value)}${error === null ? '' : ` ± ${formatPercent(error)}`}`;
  return (
    <td
      className={className}
      title={[told('acc', acc), acc_norm && told('acc_norm', acc_norm)].filter(Boolean).join(', ')}
    >
      {formatPercent(shown.value)}
    </td>
  );
}
