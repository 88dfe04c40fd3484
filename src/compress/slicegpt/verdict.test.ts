/** What a run's certificate says of its sites, at the edges of its limits. */
import { describe, expect, it } from 'vitest';
import type { Certificate, SiteReport } from '../method.ts';
import { verdictOf, worstCertificate } from './verdict.ts';

function site(dimension: number, rank: number, of = 8): SiteReport {
  const certificate: Certificate = {
    orthogonality_error: 0,
    residual: 0,
    orthogonality_ulp: 0,
    residual_ulp: 0,
    ulp: 2 ** -52,
    measured: 'exact',
    kept_energy: { loss: 0, kind: 'measured', dimension },
    rank,
    deflated: 0,
    verdict: 'good',
    solver: 'test',
    sweeps: 0,
  };
  return {
    site: 0,
    label: 'embedding',
    eigenvalues: new Float64Array(of),
    dimension,
    discarded_energy: 0,
    certificate,
  };
}

describe('sites that keep more than the text filled', () => {
  it('are those that keep more directions than can be told from rounding', () => {
    expect(worstCertificate([site(6, 6)]).overfull_sites).toBe(0);
    expect(worstCertificate([site(6, 5)]).overfull_sites).toBe(1);
    expect(worstCertificate([site(6, 5), site(6, 4), site(6, 7)])).toMatchObject({ overfull_sites: 2, min_rank: 4 });
  });

  it('are none where nothing is cut', () => {
    expect(worstCertificate([site(8, 5)]).overfull_sites).toBe(0);
  });
});

describe('the verdict', () => {
  const figures = {
    orthogonality_ulp: 1,
    residual_ulp: 1,
    kept_energy: { loss: 0, kind: 'measured', dimension: 4 },
  } as const;

  it('allows a ratio of exactly ten', () => {
    expect(verdictOf({ ...figures, residual_ulp: 10 }, 1)).toBe('as good as f64');
    expect(verdictOf({ ...figures, residual_ulp: 10.01 }, 1)).toMatch(/^poor: the eigenvectors/);
    expect(verdictOf({ ...figures, orthogonality_ulp: 10.01 }, 1)).toMatch(/^poor: the basis/);
  });
});
