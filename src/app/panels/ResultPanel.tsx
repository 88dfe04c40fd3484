import { Section } from '../components/Section.tsx';
import { formatPercent } from '../format.ts';
import { matchingRuns } from '../store/plan.ts';
import { usePlan } from '../store/selectors.ts';
import { useStudioState } from '../studio.ts';
import { CertificateBlock } from './CertificateBlock.tsx';
import { Comparison } from './Comparison.tsx';
import { ExportBlock } from './ExportBlock.tsx';
import { RunList } from './RunList.tsx';
import { SizeBlock } from './SizeBlock.tsx';

/** Speaks of the current settings only: what is planned at once, what is measured when it has been. */
export function ResultPanel() {
  const results = useStudioState((state) => state.results);
  const settings = useStudioState((state) => state.settings);
  const { plan } = usePlan();
  const { shown } = matchingRuns(results, settings, plan);
  if (!results.model || !plan) {
    return (
      <Section title="Result">
        <p className="muted">
          The sliced model beside the original: size part by part, perplexity, speed, the certificate of every rotation,
          and the verified ONNX to download. It fills in once a model is open.
        </p>
      </Section>
    );
  }
  return (
    <Section
      title="Result"
      aside={
        <span className="section-note">
          {formatPercent(settings.sparsity_percent / 100)} · {plan.head} · {shown?.slice.options.schedule ?? 'planned'}
        </span>
      }
    >
      <Comparison model={results.model} dense={results.dense} plan={plan} run={shown} />
      <ExportBlock run={shown} />
      <SizeBlock model={results.model} plan={plan} />
      {shown && <CertificateBlock run={shown} />}
      <RunList runs={results.runs} shown={shown?.id ?? null} protocol={results.protocol} />
    </Section>
  );
}
