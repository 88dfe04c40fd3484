/** @file The bench's figures as text tables, under their own names. */
import type { BenchReport } from './figures.ts';

type Cell = string | number;

export function benchTables(report: BenchReport): string {
  const { adapter, matmul, eigen, precision, kernels, job, memory } = report;
  const software = adapter.is_fallback_adapter ? ' (software adapter)' : '';
  return [
    `adapter  ${adapter.vendor} ${adapter.architecture}${software}`,
    table(
      'matmul',
      ['m', 'k', 'n', 'gflops', 'ort_webgpu_gflops', 'ratio'],
      matmul.map((row) => [row.m, row.k, row.n, digits(row.gflops), digits(row.ort_webgpu_gflops), digits(row.ratio)]),
    ),
    table(
      'eigen',
      ['n', 'solver', 'ms', 'residual_ulp', 'orthogonality_ulp', 'worst_family'],
      eigen.map((row) => [
        row.n,
        row.solver,
        digits(row.ms),
        digits(row.residual_ulp),
        digits(row.orthogonality_ulp),
        row.worst_family,
      ]),
    ),
    table(
      'precision',
      ['n', 'name', 'plain_loss', 'loss', 'sums', 'verdict', 'rounded_ms', 'pairs_ms', 'deflated_ms'],
      precision.map((row) => [
        row.n,
        row.name,
        row.plain_loss.toExponential(1),
        row.loss.toExponential(1),
        row.sums,
        row.verdict,
        digits(row.rounded_ms),
        digits(row.pairs_ms),
        digits(row.deflated_ms),
      ]),
    ),
    table(
      'kernels',
      ['name', 'shape', 'ms', 'gflops'],
      kernels.map((row) => [row.name, row.shape, digits(row.ms), row.gflops === undefined ? '' : digits(row.gflops)]),
    ),
    table(`job on ${job.backend}`, ['stage', 'stage_ms'], Object.entries(job.stage_ms)),
    table('job', ['perplexity', 'dense_perplexity'], [[digits(job.perplexity), digits(job.dense_perplexity)]]),
    table('memory', ['peak_gpu_bytes'], [[memory.peak_gpu_bytes]]),
  ].join('\n\n');
}

function digits(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function table(title: string, headings: string[], rows: Cell[][]): string {
  const lines = [headings, ...rows].map((row) => row.map(String));
  const widths = headings.map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  const isNumber = (column: number) => rows.every((row) => !Number.isNaN(Number(row[column])));
  const aligned = lines.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...aligned.map((line) => `  ${line}`)].join('\n');
}
