import { useId, useState } from 'react';
import { lookAtTokens } from '../../actions/speak.ts';
import { ActionButton } from '../../components/ActionButton.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { BUSY, isReplaceable } from '../../store/job.ts';
import {
  countChanges,
  LEVELS,
  levelOf,
  readableToken,
  type TokenChange,
  tokenChanges,
} from '../../store/microscope.ts';
import { speakers, spokenOf } from '../../store/voices.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import { FailureNote } from '../FailureNote.tsx';

interface Found {
  rows: TokenChange[];
  label: string;
  /** Mean change of ln p, in nats a token. */
  mean: number;
  source: string;
  left_out: number;
}

/** A text, each token coloured and underlined by how much less or more likely the compressed model finds it. */
export function MicroscopeCard() {
  const studio = useStudio();
  const id = useId();
  const results = useStudioState((state) => state.results);
  const isBusy = useStudioState(({ job }) => !isReplaceable(job));
  const shown = useStudioState(spokenOf);
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [isTable, setTable] = useState(false);
  const runs = speakers(results).filter(({ target, file }) => target !== 'dense' && !file);
  const run = runs.find(({ key }) => key === (chosen ?? shown)) ?? runs.at(-1);
  const { protocol } = results;
  const isWindow = text.trim() === '';
  const hindrance =
    (isBusy && BUSY) || (!run && 'Compress the model first') || (isWindow && !protocol && 'Type a text') || null;

  async function look() {
    if (hindrance || !run) return;
    const both = await lookAtTokens(studio, run.target, isWindow ? undefined : text);
    if (!both) return;
    const { dense, compressed } = both;
    const source = isWindow && protocol ? `first window of ${protocol.evaluation.name}` : 'the text above';
    const mean = dense.mean_loss - compressed.mean_loss;
    setFound({ rows: tokenChanges(dense, compressed), label: run.label, mean, source, left_out: dense.left_out });
  }

  return (
    <section className="chart-card speak-card" aria-labelledby={id}>
      <header>
        <h2 id={id}>Tokens under the microscope</h2>
        <div className="chart-controls">
          {found && (
            <button type="button" className="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
              Table
            </button>
          )}
        </div>
      </header>
      <div className="speak-form">
        <div className="field">
          <label htmlFor={`${id}-text`}>
            Text <span className="field-hint">empty: the first window of the evaluation text</span>
          </label>
          <textarea id={`${id}-text`} rows={2} value={text} onChange={(event) => setText(event.target.value)} />
        </div>
        <div className="button-row">
          {runs.length > 1 && (
            <select aria-label="Compressed model" value={run?.key} onChange={(event) => setChosen(event.target.value)}>
              {runs.map(({ key, label }) => (
                <option key={key} value={key}>
                  {label}
                </option>
              ))}
            </select>
          )}
          <ActionButton hindrance={hindrance} onClick={() => void look()}>
            Compare tokens
          </ActionButton>
        </div>
      </div>
      <FailureNote place="tokens" again={() => void look()} />
      {/* There before it has anything to tell, as readers want it. */}
      <p className="protocol" role="status">
        {found && summaryOf(found)}
      </p>
      {found ? (
        <TokensFound found={found} isTable={isTable} />
      ) : (
        <p className="speak-empty">
          Each token of a text, coloured by how much less or more likely the compressed model finds it than the dense
          one.
        </p>
      )}
    </section>
  );
}

/** For people and readers: what was compared, and what came out. */
function summaryOf({ rows, label, mean, source, left_out }: Found): string {
  const { less, more, all } = countChanges(rows);
  const rest = left_out > 0 ? `; ${left_out} more tokens were left out` : '';
  return `${label} against dense, ${source}: ${rows.length} tokens${rest}. Mean change of ln p ${signed(mean)} nats a token; ${less} of ${all} clearly less likely, ${more} clearly more.`;
}

function TokensFound({ found: { rows }, isTable }: { found: Found; isTable: boolean }) {
  return (
    <>
      <TokenLegend />
      {!isTable && (
        // Readers have the table.
        <p className="tokens" aria-hidden="true">
          {rows.map((row, i) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other identity, and never reorder
              key={i}
              className={classOf(row)}
              title={titleOf(row)}
            >
              {row.text}
            </span>
          ))}
        </p>
      )}
      <DataTable
        caption="Tokens under the microscope"
        isHidden={!isTable}
        rows={rows}
        columns={[
          { name: 'Token', value: (row) => <code>{readableToken(row)}</code>, isText: true },
          { name: 'Dense, ln p', value: ({ dense }) => figure(dense) },
          { name: 'Compressed, ln p', value: ({ compressed }) => figure(compressed) },
          { name: 'Change, nats', value: ({ change }) => (change === null ? '–' : signed(change)) },
        ]}
      />
    </>
  );
}

function TokenLegend() {
  const [some, clear, strong] = LEVELS;
  const marks = [
    { level: 'token-less-3', label: `less likely, by ${strong} nats or more` },
    { level: 'token-less-2', label: `${clear} to ${strong}` },
    { level: 'token-less-1', label: `${some} to ${clear}` },
    { level: 'token-more-1', label: `more likely, by ${some} to ${clear}` },
    { level: 'token-more-2', label: `${clear} to ${strong}` },
    { level: 'token-more-3', label: `${strong} or more` },
  ];
  return (
    <ul className="tokens-legend" aria-label="Change of ln p, in nats">
      {marks.map(({ level, label }) => (
        <li key={level}>
          <span className={level} aria-hidden="true">
            abc
          </span>{' '}
          {label}
        </li>
      ))}
    </ul>
  );
}

function classOf({ change }: TokenChange): string | undefined {
  const level = levelOf(change);
  return level === 0 ? undefined : `token-${level < 0 ? 'less' : 'more'}-${Math.abs(level)}`;
}

function titleOf(row: TokenChange): string {
  const { dense, compressed, change } = row;
  const token = readableToken(row);
  if (change === null) return `${token}: nothing stands before it`;
  return `${token}: ln p ${figure(dense)} dense, ${figure(compressed)} compressed, ${signed(change)}`;
}

function figure(value: number | null): string {
  return value === null ? '–' : value.toFixed(2).replace('-', '−');
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(2);
  return Number(text) === 0 ? '0.00' : `${value < 0 ? '−' : '+'}${text}`;
}
