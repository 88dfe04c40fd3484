/** @file The figures of a large model as text tables, with the bound that they are held to. */
import { table } from '../tables.ts';
import type { LargeFigure, LargeReport } from './figures.ts';

/** Of a page with its Workers, at every moment. */
export const MOST_PAGE_BYTES = 1.5e9;

export function largeTables({ model, figures }: LargeReport): string {
  return figures.flatMap((figure) => tablesOf(model, figure)).join('\n\n');
}

function tablesOf(model: string, figure: LargeFigure): string[] {
  const { parameters, bytes, layers, stages, exports, page_bytes, page_at, failed, seconds } = figure;
  const verdict = page_bytes === undefined ? 'not told here' : page_bytes < MOST_PAGE_BYTES ? 'met' : 'NOT MET';
  const facts: [string, number | string | undefined][] = [
    ['page with its Workers, most', size(page_bytes)],
    ['  at', page_at],
    [`  below ${size(MOST_PAGE_BYTES)}`, verdict],
    ['  as the browser told it', size(figure.peak_heap_bytes)],
    ['tensors, most', size(figure.peak_gpu_bytes)],
    ['  planned', size(figure.planned_bytes)],
    ['storage, most, exports included', size(figure.storage_bytes)],
    ['  by the job, at most', size(figure.used_storage_bytes)],
    ['  planned for the job', size(figure.planned_storage_bytes)],
    ['  within the plan', storageVerdict(figure)],
    ...Object.entries(figure.disk ?? {}).map(([kind, moved]): [string, string | undefined] => [
      `disk, ${kind.replace('_', ' ')}`,
      size(moved),
    ]),
    ['perplexity, dense', figure.dense_perplexity?.toFixed(2)],
    ['perplexity, sliced', figure.sliced_perplexity?.toFixed(2)],
    ['ended early', failed],
  ];
  const title = `large: ${model}, ${layers} layers, ${(parameters / 1e9).toFixed(2)} B parameters, ${size(bytes)}; ${seconds} s`;
  return [
    table(
      title,
      ['figure', 'value'],
      facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    table(
      'stages',
      ['stage', 'seconds', 'page'],
      stages.map(({ stage, ms, page_bytes: most }) => [stage, (ms / 1000).toFixed(1), size(most) ?? '']),
    ),
    ...(exports.length > 0
      ? [
          table(
            'exports',
            ['format', 'size', 'verified', 'perplexity', 'in the app', 'max |Δ logit|', 'parts', 'write s', 'verify s'],
            exports.map((one) => [
              ...[one.format, size(one.bytes) ?? '', String(one.verified), one.perplexity.toFixed(3)],
              ...[one.perplexity_in_app.toFixed(3), one.max_abs_logit_difference.toExponential(1), one.parts ?? ''],
              ...[(one.export_ms / 1000).toFixed(1), (one.verification_ms / 1000).toFixed(1)],
            ]),
          ),
        ]
      : []),
  ];
}

/** The system's own files beside the job's, and whole blocks of a disk. */
const STORAGE_MARGIN_BYTES = 2e6;

function storageVerdict({ planned_storage_bytes: planned, used_storage_bytes: used }: LargeFigure): string | undefined {
  if (planned === undefined || used === undefined) return undefined;
  return used <= planned + STORAGE_MARGIN_BYTES ? 'met' : 'NOT MET';
}

/** Decimal, as elsewhere. */
function size(bytes: number | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;
}
