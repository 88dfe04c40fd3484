import { Suspense, useState } from 'react';
import type { TensorDifference } from '../../engine/protocol.ts';
import { compareTensors } from '../actions/diff.ts';
import { formatFigure, formatKl } from '../charts/scales.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { formatChange, formatPercent } from '../format.ts';
import { BUSY, isReplaceable } from '../store/job.ts';
import { pairedDifference, type RunRow } from '../store/runs_table.ts';
import { useStudio, useStudioState } from '../studio.ts';

const TensorDiff = lazyPart(() => import('./TensorDiff.tsx'));

/** Two runs against each other: what both windows share cancels out, so that small differences show. */
export function RunsCompare({ a, b, onClose }: { a: RunRow; b: RunRow; onClose: () => void }) {
  const studio = useStudio();
  const isBusy = useStudioState(({ job }) => !isReplaceable(job));
  const [tensors, setTensors] = useState<{ of: string; rows: readonly TensorDifference[] } | null>(null);
  const pair = `${a.id} ${b.id}`;
  const paired = pairedDifference(a.measured, b.measured);
  const size = a.figures.bytes && b.figures.bytes && b.figures.bytes.value / a.figures.bytes.value;
  return (
    <div className="runs-compare">
      <p>
        <strong>{b.label}</strong> against <strong>{a.label}</strong>: {formatFigure('bytes', b.figures.bytes)}
        {size && ` (${formatChange(size - 1)})`}
        {paired ? (
          <>
            , perplexity <strong>{formatChange(Math.exp(paired.mean) - 1)}</strong>
            {paired.error !== null && <> ± {formatPercent(Math.exp(paired.mean) * paired.error)}</>}, {verdict(paired)}
          </>
        ) : (
          ', not measured on the same windows'
        )}
        {a.figures.kl && b.figures.kl && (
          <>
            ; KL {formatKl(b.figures.kl.value)} against {formatKl(a.figures.kl.value)}
          </>
        )}
        .
      </p>
      {paired && paired.windows.length > 1 && <Strip windows={paired.windows} />}
      <div className="button-row">
        <ActionButton
          className="quiet"
          hindrance={isBusy && BUSY}
          title="Shape, type, bytes and relative change of every tensor"
          onClick={() => void compareTensors(studio, a.id, b.id).then((rows) => rows && setTensors({ of: pair, rows }))}
        >
          Compare tensors
        </ActionButton>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      </div>
      {tensors?.of === pair && (
        <Suspense fallback={null}>
          <TensorDiff tensors={tensors.rows} name={`${b.label} against ${a.label}`} />
        </Suspense>
      )}
    </div>
  );
}

function verdict({ windows, mean, error }: { windows: readonly number[]; mean: number; error: number | null }): string {
  const better = windows.filter((each) => each < 0).length;
  const count = `better in ${better} of ${windows.length} windows`;
  if (error === null) return count;
  return Math.abs(mean) < 2 * error ? `within noise, ${count}` : count;
}

/** Each window's difference: up is worse. */
function Strip({ windows }: { windows: readonly number[] }) {
  const most = Math.max(...windows.map(Math.abs)) || 1;
  const width = 100 / windows.length;
  return (
    <svg
      className="runs-strip"
      viewBox="0 -20 100 40"
      preserveAspectRatio="none"
      role="img"
      aria-label={`Difference of the loss in ${windows.length} windows, from ${formatKl(Math.min(...windows))} to ${formatKl(Math.max(...windows))} nats a token`}
    >
      <path d="M0 0H100" stroke="var(--line-strong)" vectorEffect="non-scaling-stroke" />
      {windows.map((each, index) => (
        <rect
          // biome-ignore lint/suspicious/noArrayIndexKey: windows have no other identity
          key={index}
          x={index * width + width * 0.15}
          width={width * 0.7}
          y={each > 0 ? (-each / most) * 18 : 0}
          height={(Math.abs(each) / most) * 18}
          fill={each > 0 ? 'var(--sliced)' : 'var(--series-2)'}
        />
      ))}
    </svg>
  );
}
