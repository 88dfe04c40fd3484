import { useState } from 'react';
import type { LaneKind } from '../../../pulse/timeline.ts';
import type { Sum } from '../../../report/timeline/summary.ts';
import type { Column } from '../../components/DataTable.tsx';
import { formatInteger, formatPercent } from '../../format.ts';
import { formatMs } from './view.ts';

const KINDS: Record<LaneKind, string> = { stage: 'stage', step: 'step', kernel: 'kernel', gpu: 'GPU' };

type Key = 'name' | 'kind' | 'calls' | 'total_ms' | 'mean' | 'longest_ms' | 'share';

interface SumColumn extends Column<Sum> {
  key: Key;
  title: string;
}

/** The first two are words. */
export const SUM_COLUMNS: readonly SumColumn[] = [
  { key: 'name', name: 'Name', title: 'What ran', value: ({ name }) => name, isText: true },
  {
    ...{ key: 'kind', name: 'Kind', title: 'A command or a part of one, what progress called it, or a kernel' },
    ...{ value: ({ kind }) => KINDS[kind], isText: true },
  },
  {
    key: 'calls',
    name: 'Calls',
    title: 'Spans in view',
    value: ({ calls }) => formatInteger(calls),
    csv: csv('calls'),
  },
  {
    ...{ key: 'total_ms', name: 'Time', title: 'Of all threads, in view', csv: csv('total_ms') },
    value: ({ total_ms }) => formatMs(total_ms),
  },
  {
    ...{ key: 'mean', name: 'Mean', title: 'Of one', value: (sum) => formatMs(meanOf(sum)) },
    csv: [{ name: 'mean_ms', value: meanOf }],
  },
  {
    ...{ key: 'longest_ms', name: 'Longest', title: 'Of one', csv: csv('longest_ms') },
    value: ({ longest_ms }) => formatMs(longest_ms),
  },
  {
    ...{ key: 'share', name: 'Share', title: 'Of the time in view, times the threads of its kind', csv: csv('share') },
    value: ({ share }) => formatPercent(share),
  },
];

/** Where the time in view went, by name. */
export function SumsTable({ sums, colours }: { sums: readonly Sum[]; colours: ReadonlyMap<string, number> }) {
  const [sort, setSort] = useState<{ key: Key; isDescending: boolean }>({ key: 'total_ms', isDescending: true });
  const sorted = sortSums(sums, sort.key, sort.isDescending);
  const sortBy = (key: Key) =>
    setSort((old) => ({ key, isDescending: old.key === key ? !old.isDescending : key !== 'name' && key !== 'kind' }));
  return (
    // A box that scrolls has to be reachable without a mouse.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: as above
    <section className="runs-scroll timeline-sums" tabIndex={0} aria-label="Sums of the timeline">
      <table className="runs-table">
        <thead>
          <tr>
            {SUM_COLUMNS.map(({ key, name, title, isText }) => (
              <th
                key={key}
                scope="col"
                className={isText ? 'text' : 'number'}
                aria-sort={sort.key !== key ? 'none' : sort.isDescending ? 'descending' : 'ascending'}
              >
                <button type="button" className="sort" title={title} onClick={() => sortBy(key)}>
                  {name}
                  <span aria-hidden="true">{sort.key === key ? (sort.isDescending ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((sum) => (
            <tr key={`${sum.kind} ${sum.name}`}>
              {SUM_COLUMNS.map(({ key, value, isText }) =>
                key === 'name' ? (
                  <th key={key} scope="row" title={sum.name}>
                    <i className="timeline-key" style={{ background: keyColour(sum, colours) }} aria-hidden="true" />
                    {sum.name}
                  </th>
                ) : (
                  <td key={key} className={isText ? 'text' : 'number'}>
                    {value(sum)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function sortSums(sums: readonly Sum[], key: Key, isDescending: boolean): Sum[] {
  const value = (sum: Sum) => (key === 'mean' ? meanOf(sum) : sum[key]);
  const way = isDescending ? -1 : 1;
  return [...sums].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return way * (typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y));
  });
}

function meanOf({ total_ms, calls }: Sum): number {
  return calls > 0 ? total_ms / calls : 0;
}

function keyColour({ kind, name }: Sum, colours: ReadonlyMap<string, number>): string {
  const colour = kind === 'kernel' || kind === 'gpu' ? colours.get(name) : undefined;
  if (colour !== undefined) return `var(--series-${colour + 1})`;
  return kind === 'kernel' || kind === 'gpu' ? 'var(--cut)' : 'var(--cut-ground)';
}

function csv(name: 'calls' | 'total_ms' | 'longest_ms' | 'share') {
  return [{ name, value: (sum: Sum) => sum[name] }];
}
