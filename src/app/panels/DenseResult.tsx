import type { ModelSummary } from '../../engine/protocol.ts';
import { Facts } from '../components/Facts.tsx';
import { Protocol } from '../components/Protocol.tsx';
import { formatBytes, formatCount, formatPerplexity, formatTokens } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { OpenModelExportFields } from './OpenModelExport.tsx';
import type { ResultPart } from './ResultPanel.tsx';
import { ResultSections } from './ResultSections.tsx';
import { SizeBlock } from './SizeBlock.tsx';

interface Props {
  model: ModelSummary;
  part: ResultPart | undefined;
}

/** A model that cannot be sliced: what was measured of it, and the way to other formats. */
export function DenseResult({ model, part }: Props) {
  const dense = useStudioState((state) => state.results.dense);
  return (
    <ResultSections
      part={part}
      aside={<span className="section-note">not sliced</span>}
      figures={
        <>
          <Facts
            facts={[
              { name: 'Perplexity', value: dense ? formatPerplexity(dense.perplexity) : '–' },
              { name: 'Size', value: formatBytes(model.bytes) },
              { name: 'Parameters', value: formatCount(model.parameters) },
              { name: 'Tokens/s', value: formatTokens(dense?.tokens_per_second) },
            ]}
          />
          {dense && <Protocol protocol={dense.protocol} />}
        </>
      }
      take={{ title: 'Export the model as it is', fields: <OpenModelExportFields model={model} /> }}
      rest={<SizeBlock model={model} plan={null} />}
    />
  );
}
