import { describe, expect, it } from 'vitest';
import type { Report } from '../engine/report.ts';
import { comparisonTable } from './comparison.ts';

function report(kind: string, scale: number): Report {
  const times = { dense_evaluation: 1000 * scale, compression: 2000 * scale, evaluation: 500, total: 8000 };
  return {
    backend: { kind, is_fallback_adapter: kind === 'webgpu' },
    dense: { perplexity: 20 * (1 + scale / 1000) },
    sliced: [{ sparsity: 0.25, perplexity: 30 }],
    runs: [{ steps: [{ seconds: 2 * scale }] }],
    timings_ms: times,
  } as unknown as Report;
}

describe('the comparison of two backends', () => {
  it('has the perplexities with their relative difference, and the times with their ratio', () => {
    const lines = comparisonTable(report('webgpu', 6), report('cpu', 1)).trim().split('\n');
    const cells = lines.map((line) => line.trim().split(/ {2,}/));
    expect(cells[0]).toEqual(['on two backends', 'webgpu (software)', 'cpu', 'difference']);
    expect(cells[1]).toEqual(['dense perplexity', '20.1200', '20.0200', '0.50 %']);
    expect(cells[2]).toEqual(['perplexity at 25 %', '30.0000', '30.0000', '0.0 %']);
    expect(cells[4]).toEqual(['compression', '12.0 s', '2.0 s', '× 6.00 as fast']);
  });

  it('compares what both made where one of them also searched for a size', () => {
    const second = report('cpu', 1);
    second.runs.push({ ...second.runs[0] });
    const table = comparisonTable(report('webgpu', 6), second);
    expect(table).toMatch(/making it +12\.0 s +2\.0 s +× 6\.00 as fast/);
    expect(table).not.toMatch(/total|compression/);
  });

  it('leaves out what the second job did not finish', () => {
    const second = { ...report('cpu', 1), sliced: [] };
    expect(comparisonTable(report('webgpu', 6), second)).not.toContain('25 %');
  });
});
