import { Facts } from '../components/Facts.tsx';
import { formatScientific } from '../format.ts';
import type { Run } from '../store/results.ts';

/** What was checked about this run, with the figures of the checks. */
export function CertificateBlock({ run }: { run: Run }) {
  const { certificate, sites } = run.slice;
  const solvers = [...new Set(sites.map((site) => site.certificate.solver))].join(', ');
  const hasProbes = sites.some((site) => site.certificate.measured === 'probes');
  return (
    <div className="block">
      <h3>Certificate</h3>
      <Facts
        facts={[
          {
            name: 'max |QᵀQ − I|',
            value: formatScientific(certificate.max_orthogonality_error),
            title: 'How far the worst rotation of this run is from orthogonal',
          },
          {
            name: '‖HQ − QΛ‖ / ‖H‖',
            value: formatScientific(certificate.max_residual),
            title: 'Residual of the worst eigendecomposition of this run',
          },
          { name: 'Measured', value: `${sites.length} sites, ${hasProbes ? 'random probes' : 'every entry in f64'}` },
          ...(solvers ? [{ name: 'Solver', value: solvers }] : []),
        ]}
      />
    </div>
  );
}
