/** @file The comparison with torch as text. */
import { digits, protocolOf, table, tiny } from '../tables.ts';
import type { AgainstReport } from './compare.ts';
import { trainingTable } from './training_section.ts';

export function againstTables(report: AgainstReport): string {
  const { model, parameters, backend, torch, rounds, against, perplexities } = report;
  const seconds = (ms: number | null) => (ms === null ? '' : (ms / 1000).toFixed(2));
  return [
    `${model}, ${parameters} parameters, ${protocolOf(report.protocol)}`,
    `Whittle: ${backend}; torch ${torch.version}: ${torch.threads} threads, ${torch.capability}; in turn, medians of ${rounds}`,
    '',
    table(
      'against torch',
      ['stage', 'whittle_s', 'torch_s', 'ratio', 'wanted'],
      against.map(({ stage, whittle_ms, torch_ms, ratio, wanted }) => [
        ...[stage, seconds(whittle_ms), seconds(torch_ms), ratio === null ? '' : digits(ratio)],
        wanted === null ? '' : `≤ ${wanted}`,
      ]),
    ),
    '',
    table(
      'perplexities',
      ['', 'whittle', 'torch', 'difference'],
      perplexities.map(({ of, whittle, torch: other, difference }) => [
        ...[of, whittle.toFixed(4), other.toFixed(4)],
        tiny(difference),
      ]),
    ),
    '',
    trainingTable(report.training),
  ].join('\n');
}
