import { Facts } from '../components/Facts.tsx';
import { formatPerplexity, formatScientific } from '../format.ts';
import type { Run } from '../store/results.ts';

/** What was checked about this run, with the figures of the checks. */
export function CertificateBlock({ run }: { run: Run }) {
  const { certificate, sites } = run.slice;
  const solvers = [...new Set(sites.map((site) => site.certificate.solver))].join(', ');
  const hasProbes = sites.some((site) => site.certificate.measured === 'probes');
  const report = run.export.state === 'done' ? run.export.report : null;
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
      {report?.verified ? (
        <p className="verified">
          Verified in onnxruntime-web: perplexity {formatPerplexity(report.perplexity)} (here{' '}
          {formatPerplexity(report.perplexity_in_app)}), max |Δlogit|{' '}
          {formatScientific(report.max_abs_logit_difference)}
        </p>
      ) : (
        <p className="muted">The ONNX file is checked in onnxruntime-web when it is exported.</p>
      )}
    </div>
  );
}
