import type { ModelSummary } from '../../engine/protocol.ts';
import { Section } from '../components/Section.tsx';
import { fileStem } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { ExportBlock } from './ExportBlock.tsx';

/** The open model in another format, unsliced: apart from the sliced one, and folded until it is wanted. */
export function OpenModelExport({ model }: { model: ModelSummary }) {
  return (
    <Section title="Open model">
      <details className="fold">
        <summary>Export the model as it is</summary>
        <div className="fold-body">
          <OpenModelExportFields model={model} />
        </div>
      </details>
    </Section>
  );
}

export function OpenModelExportFields({ model }: { model: ModelSummary }) {
  const dense = useStudioState((state) => state.results.dense);
  const exports = useStudioState((state) => state.results.dense_exports);
  return <ExportBlock kind="dense" id="dense" perplexity={dense} exports={exports} stem={fileStem(model.name)} />;
}
