import type { SiteReport, WorstCertificate } from '../../engine/protocol.ts';
import { siteName } from '../charts/chart_data.ts';
import { type Column, DataTable } from '../components/DataTable.tsx';
import { Facts } from '../components/Facts.tsx';
import { Fold } from '../components/Fold.tsx';
import { formatScientific, formatUlp } from '../format.ts';
import type { RebasedRun } from '../store/results.ts';

const AS_GOOD_AS_IT_GETS =
  'Told in units of n·ulp, the rounding of one number times the matrix size: below 10 is rounding alone';

/** That the text leaves directions open which the run keeps. */
export function UnfilledNotice({ run }: { run: RebasedRun }) {
  const { certificate, dimension } = run.report.bases;
  const { overfull_sites, min_rank } = certificate;
  if (overfull_sites === 0) return null;
  return (
    <p className="notice">
      {`The calibration text fills only ${min_rank} of the ${dimension} kept directions, at ${placesText(overfull_sites)}; the others hold nothing that it could show. Use more calibration windows, or longer ones.`}
    </p>
  );
}

/** That rounding may have cost quality: the certificate itself stands folded, further down. */
export function PoorNotice({ run }: { run: RebasedRun }) {
  const { certificate } = run.report.bases;
  if (!certificate.verdict.startsWith('poor')) return null;
  return <p className="notice">{verdictText(certificate).replace(/^Poor/, 'The certificate of this run is poor')}</p>;
}

/** What was checked about this run: a verdict in words first, then the worst figures, then every site's. */
export function CertificateBlock({ run }: { run: RebasedRun }) {
  const { certificate, sites } = run.report.bases;
  const solvers = [...new Set(sites.map((site) => site.certificate.solver))].join(', ');
  const hasProbes = sites.some((site) => site.certificate.measured === 'probes');
  const { deflated_sites, measured_losses } = certificate;
  return (
    <Fold title={`Certificate: ${shortVerdict(certificate)}`}>
      <p data-verdict={certificate.verdict.split(':')[0]}>{verdictText(certificate)}</p>
      <Facts
        facts={[
          {
            name: 'Energy lost to rounding',
            value: `${measured_losses < certificate.sites ? '≤ ' : ''}${formatScientific(certificate.max_kept_energy_loss)}`,
            title:
              'How much less the kept directions hold than the best possible ones, at the worst place, as a share of what lies outside the largest direction',
          },
          {
            name: 'Off orthogonal',
            value: `${formatUlp(certificate.max_orthogonality_ulp)} · ${formatScientific(certificate.max_orthogonality_error)}`,
            title: `max |QᵀQ − I| of the worst rotation. ${AS_GOOD_AS_IT_GETS}`,
          },
          {
            name: 'Off the eigenvectors',
            value: `${formatUlp(certificate.max_residual_ulp)} · ${formatScientific(certificate.max_residual)}`,
            title: `‖HQ − QΛ‖ / ‖H‖ of the worst eigendecomposition. ${AS_GOOD_AS_IT_GETS}`,
          },
          {
            name: 'Checked',
            value: `${placesText(sites.length)}, ${hasProbes ? 'by random probes' : 'every entry'}, in f64`,
            title:
              'Probes are sixteen random vectors: an error four times the figure escapes them once in 65,536 times',
          },
          ...(deflated_sites > 0
            ? [
                {
                  name: 'Large directions taken out',
                  value: `at ${placesText(deflated_sites)}`,
                  title:
                    'A few directions were so large that they were computed apart, in 64 bits, to keep the digits of the others',
                },
              ]
            : []),
          ...(solvers ? [{ name: 'Solver', value: solvers }] : []),
        ]}
      />
      {sites.length > 0 && (
        <details className="fold">
          <summary>Every site</summary>
          <div className="fold-body inline-table">
            <p className="muted">
              Lost: energy to rounding. Q: off orthogonal, Λ: off the eigenvectors, both in n·ulp. Rank: directions that
              the text fills. Taken out: large ones, computed apart.
            </p>
            <DataTable caption="Certificate of every site" columns={COLUMNS} rows={sites} />
          </div>
        </details>
      )}
    </Fold>
  );
}

/** Two figures a cell: nothing has to be scrolled sideways to be read. */
const COLUMNS: readonly Column<SiteReport>[] = [
  {
    name: 'Site',
    value: ({ label }) => siteName(label),
    isText: true,
    below: { name: 'verdict', value: ({ certificate }) => certificate.verdict.split(':')[0] },
  },
  {
    name: 'Lost',
    value: ({ certificate: { kept_energy } }) =>
      `${kept_energy.kind === 'bound' ? '≤ ' : ''}${formatScientific(kept_energy.loss)}`,
    below: { name: 'solver', value: ({ certificate }) => certificate.solver },
  },
  {
    name: 'Q',
    value: ({ certificate }) => formatUlp(certificate.orthogonality_ulp, ''),
    below: { name: 'Λ', value: ({ certificate }) => formatUlp(certificate.residual_ulp, '') },
  },
  {
    name: 'Rank',
    value: ({ certificate: { rank, deflated } }) => (deflated > 0 ? `${rank}, ${deflated} taken out` : rank),
    below: { name: 'kept', value: ({ dimension }) => dimension },
  },
];

function placesText(count: number): string {
  return count === 1 ? '1 site' : `${count} sites`;
}

function shortVerdict({ verdict }: WorstCertificate): string {
  return verdict === 'as good as f64' ? 'as good as 64-bit arithmetic' : verdict.split(':')[0];
}

function verdictText({ verdict }: WorstCertificate): string {
  if (verdict === 'as good as f64') {
    return 'As good as 64-bit arithmetic: the directions that are kept hold all that the best ones would, to a millionth.';
  }
  if (verdict === 'good') {
    return 'Good: next to nothing is lost to rounding, less than a thousandth of what could be kept.';
  }
  return `Poor: rounding may cost quality. In numbers: ${verdict.slice('poor: '.length)}. The CPU backend computes this part in 64 bits.`;
}
