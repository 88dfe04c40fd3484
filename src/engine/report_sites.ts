/** @file The certificate of every basis of a run, for `report.json`. */
import type { SiteReport } from './protocol.ts';

/** The certificate of one basis; its spectrum is too long for a report. */
export interface SiteSummary {
  site: number;
  label: string;
  dimension: number;
  rank: number;
  discarded_energy: number;
  orthogonality_error: number;
  orthogonality_ulp: number;
  residual: number;
  residual_ulp: number;
  /** In f64 of every entry, or by random probes. */
  measured: 'exact' | 'probes';
  kept_energy_loss: number;
  /** Against f64, or an estimate from above. */
  kept_energy_loss_is: 'measured' | 'bound';
  /** Dominant directions that were taken out first. */
  deflated: number;
  solver: string;
  verdict: string;
}

export function siteSummary({ site, label, dimension, discarded_energy, certificate }: SiteReport): SiteSummary {
  const { orthogonality_error, orthogonality_ulp, residual, residual_ulp, measured, kept_energy } = certificate;
  const { rank, deflated, solver, verdict } = certificate;
  return {
    site,
    label,
    dimension,
    rank,
    discarded_energy,
    orthogonality_error,
    orthogonality_ulp,
    residual,
    residual_ulp,
    measured,
    kept_energy_loss: kept_energy.loss,
    kept_energy_loss_is: kept_energy.kind,
    deflated,
    solver,
    verdict,
  };
}
