import type { ModelSummary } from '../../engine/protocol.ts';
import { Facts } from '../components/Facts.tsx';
import { Protocol } from '../components/Protocol.tsx';
import { Section } from '../components/Section.tsx';
import { formatBytes, formatCount, formatPerplexity, formatRate } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { OpenModelExportFields } from './OpenModelExport.tsx';
import { SizeBlock } from './SizeBlock.tsx';

/** A model that cannot be sliced: what was measured of it, and the way to other formats. */
export function DenseResult({ model }: { model: ModelSummary }) {
  const dense = useStudioState((state) => state.results.dense);
  return (
    <Section title="Result" aside={<span className="section-note">not sliced</span>}>
      <Facts
        facts={[
          { name: 'Perplexity', value: dense ? formatPerplexity(dense.perplexity) : '–' },
          { name: 'Size', value: formatBytes(model.bytes) },
          { name: 'Parameters', value: formatCount(model.parameters) },
          { name: 'Speed', value: formatRate(dense?.tokens_per_second) },
        ]}
      />
      {dense && <Protocol protocol={dense.protocol} />}
      <div className="block">
        <h3>Export the model as it is</h3>
        <OpenModelExportFields model={model} />
      </div>
      <SizeBlock model={model} plan={null} />
    </Section>
  );
}
