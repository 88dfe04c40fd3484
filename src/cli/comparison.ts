/** @file Two reports on the same job on two backends, side by side. Pure. */
import type { Report } from '../engine/report.ts';
import { alignColumns } from './format.ts';

/** Lines with a column for each backend: perplexities with their relative difference, times with their ratio. */
export function comparisonTable(first: Report, second: Report): string {
  const figure = (name: string, of: (report: Report) => number) => {
    const [a, b] = [of(first), of(second)];
    return [name, a.toFixed(4), b.toFixed(4), `${(100 * Math.abs(b / a - 1)).toPrecision(2)} %`];
  };
  const time = (name: string, of: keyof Report['timings_ms']) =>
    times(name, first.timings_ms[of], second.timings_ms[of]);
  const times = (name: string, a: number, b: number) => {
    const ratio = b > 0 ? `× ${(a / b).toPrecision(3)} as fast` : '';
    return [name, `${(a / 1000).toFixed(1)} s`, `${(b / 1000).toFixed(1)} s`, ratio];
  };
  const rows = [
    ['on two backends', nameOf(first), nameOf(second), 'difference'],
    figure('dense perplexity', ({ dense }) => dense.perplexity),
    ...first.sliced.flatMap(({ sparsity }, index) =>
      index < second.sliced.length
        ? [figure(`perplexity at ${Number((100 * sparsity).toFixed(3))} %`, ({ sliced }) => sliced[index].perplexity)]
        : [],
    ),
    time('dense evaluation', 'dense_evaluation'),
    ...(first.runs.length === second.runs.length
      ? [time('compression', 'compression'), time('evaluation', 'evaluation'), time('total', 'total')]
      : // One of the two also searched for a size: only what both did can be compared.
        first.runs
          .slice(0, second.runs.length)
          .map((run, index) => times('making it', stepsMs(run), stepsMs(second.runs[index])))),
  ];
  return `${alignColumns(rows)}\n`;
}

function stepsMs({ steps }: Pick<Report['runs'][number], 'steps'>): number {
  return 1000 * steps.reduce((sum, { seconds }) => sum + seconds, 0);
}

function nameOf({ backend }: Report): string {
  return backend.is_fallback_adapter ? `${backend.kind} (software)` : backend.kind;
}
