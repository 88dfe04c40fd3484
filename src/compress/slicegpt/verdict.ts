/** @file The figures of a certificate in words. */
import type { Certificate, SiteReport, Verdict } from '../method.ts';

/** Ratios in n·ulp that a backward stable solver stays below (LAPACK's testers allow 30 to 60). */
const MAX_RATIO = 10;
/** A loss that no perplexity can show; what f64 would have kept is kept. */
const AS_F64 = 1e-6;
/** DESIGN's limit for the excess of discarded energy. */
const GOOD = 1e-3;
/** Rounding unit of the products that a covariance is summed from. */
const U = 2 ** -24;

type Figures = Pick<Certificate, 'orthogonality_ulp' | 'residual_ulp' | 'kept_energy'>;

/** @param lost By how much rounding weighs more in what decides than in the whole: `lostDigits`, 1 for nothing lost. */
export function verdictOf({ orthogonality_ulp, residual_ulp, kept_energy }: Figures, lost: number): Verdict {
  if (!(orthogonality_ulp <= MAX_RATIO)) {
    return `poor: the basis is off orthogonal by ${digits(orthogonality_ulp)} n·ulp (at most ${MAX_RATIO})`;
  }
  if (!(residual_ulp <= MAX_RATIO)) {
    return `poor: the eigenvectors are off by ${digits(residual_ulp)} n·ulp (at most ${MAX_RATIO})`;
  }
  if (!(lost * U <= GOOD)) {
    return `poor: a few directions are so large that the sum of the others has lost ${Math.ceil(Math.log10(lost))} of 7 digits`;
  }
  if (!(kept_energy.loss <= GOOD)) {
    return `poor: it keeps up to ${digits(kept_energy.loss)} less energy than the best directions (at most ${GOOD})`;
  }
  return kept_energy.loss <= AS_F64 && lost * U <= 100 * AS_F64 ? 'as good as f64' : 'good';
}

function digits(value: number): string {
  return Number.isFinite(value) ? value.toPrecision(2) : String(value);
}

/** What a run's certificate says in one place: the worst figures of its sites, and the worst verdict. */
export interface WorstCertificate {
  max_orthogonality_error: number;
  max_residual: number;
  /** In units of n·ulp. */
  max_orthogonality_ulp: number;
  max_residual_ulp: number;
  max_kept_energy_loss: number;
  /** Sites whose loss was measured against f64; the others' is an estimate from above. */
  measured_losses: number;
  sites: number;
  /** Sites that dominant directions were taken out of. */
  deflated_sites: number;
  /** The fewest directions that can be told from rounding at any site. */
  min_rank: number;
  /** Sites that keep more directions than that. */
  overfull_sites: number;
  verdict: Verdict;
}

export function worstCertificate(sites: readonly SiteReport[]): WorstCertificate {
  const all = sites.map(({ certificate }) => certificate);
  const most = (figure: (certificate: Certificate) => number) => Math.max(0, ...all.map(figure));
  const worst = sites.find(({ certificate }) => rank(certificate.verdict) === most((other) => rank(other.verdict)));
  const verdict = worst?.certificate.verdict ?? 'as good as f64';
  return {
    max_orthogonality_error: most((certificate) => certificate.orthogonality_error),
    max_residual: most((certificate) => certificate.residual),
    max_orthogonality_ulp: most((certificate) => certificate.orthogonality_ulp),
    max_residual_ulp: most((certificate) => certificate.residual_ulp),
    max_kept_energy_loss: most((certificate) => certificate.kept_energy.loss),
    measured_losses: all.filter(({ kept_energy }) => kept_energy.kind === 'measured').length,
    sites: all.length,
    deflated_sites: all.filter(({ deflated }) => deflated > 0).length,
    min_rank: sites.length > 0 ? Math.min(...all.map(({ rank }) => rank)) : 0,
    overfull_sites: sites.filter(
      ({ dimension, certificate, eigenvalues }) => dimension < eigenvalues.length && certificate.rank < dimension,
    ).length,
    verdict: verdict.startsWith('poor') ? `poor: at the ${worst?.label}, ${verdict.slice('poor: '.length)}` : verdict,
  };
}

function rank(verdict: Verdict): number {
  if (verdict === 'as good as f64') return 0;
  return verdict === 'good' ? 1 : 2;
}
