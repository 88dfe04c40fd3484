import type { WorstCertificate } from '../../engine/protocol.ts';
import { Facts } from '../components/Facts.tsx';
import { formatScientific } from '../format.ts';
import type { Run } from '../store/results.ts';

/** What was checked about this run: a verdict in words first, then the figures of the checks. */
export function CertificateBlock({ run }: { run: Run }) {
  const { certificate, sites } = run.slice;
  const solvers = [...new Set(sites.map((site) => site.certificate.solver))].join(', ');
  const hasProbes = sites.some((site) => site.certificate.measured === 'probes');
  const { deflated_sites, measured_losses } = certificate;
  return (
    <div className="block">
      <h3>Certificate</h3>
      <p data-verdict={certificate.verdict.split(':')[0]}>{verdictText(certificate)}</p>
      <Facts
        facts={[
          {
            name: 'Energy kept, short of the best',
            value: `${measured_losses < certificate.sites ? '≤ ' : ''}${formatScientific(certificate.max_kept_energy_loss)}`,
            title:
              'How much less the kept directions hold than the best possible ones, at the worst place, as a share of what lies outside the largest direction',
          },
          {
            name: 'max |QᵀQ − I|',
            value: `${formatScientific(certificate.max_orthogonality_error)} (${ratio(certificate.max_orthogonality_ulp)})`,
            title: 'How far the worst rotation of this run is from orthogonal; below 10 n·ulp is as good as it gets',
          },
          {
            name: '‖HQ − QΛ‖ / ‖H‖',
            value: `${formatScientific(certificate.max_residual)} (${ratio(certificate.max_residual_ulp)})`,
            title: 'Residual of the worst eigendecomposition of this run; below 10 n·ulp is as good as it gets',
          },
          {
            name: 'Measured',
            value: `${sites.length} sites, ${hasProbes ? 'random probes' : 'every entry in f64'}`,
            title:
              'Probes are sixteen random vectors: an error four times the figure escapes them once in 65,536 times',
          },
          ...(deflated_sites > 0
            ? [
                {
                  name: 'Large directions taken out',
                  value: `at ${deflated_sites} sites`,
                  title:
                    'A few directions were so large that they were computed apart, in 64 bits, to keep the digits of the others',
                },
              ]
            : []),
          ...(solvers ? [{ name: 'Solver', value: solvers }] : []),
        ]}
      />
    </div>
  );
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

function ratio(ulp: number): string {
  return `${ulp < 0.01 ? '<0.01' : ulp.toPrecision(2)} n·ulp`;
}
