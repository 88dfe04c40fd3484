import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import type { RebasedRun } from '../store/results.ts';
import { slicedReport } from '../testing.ts';
import { PoorNotice } from './CertificateBlock.tsx';

function shown(verdict: string): string {
  const options = { sparsity: 0.25, round: 8, head: 'auto', schedule: 'sequential', fusion: 'exact' } as const;
  const report = slicedReport('run-1', options);
  const { bases } = report;
  if (!bases) throw new Error('a slicing has bases');
  const run = {
    id: 'run-1',
    report: { ...report, bases: { ...bases, certificate: { ...bases.certificate, verdict } } },
  };
  return renderToStaticMarkup(<PoorNotice run={run as unknown as RebasedRun} />);
}

it('says beside the figures that rounding may have cost quality, and nothing where it did not', () => {
  expect(shown('poor: energy lost 0.02')).toMatch(
    /certificate of this run is poor: rounding may cost quality.*energy lost 0\.02/,
  );
  expect(shown('good')).toBe('');
  expect(shown('as good as f64')).toBe('');
});
