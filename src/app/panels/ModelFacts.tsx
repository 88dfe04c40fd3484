import type { ModelFacts as Facts, ModelSummary } from '../../engine/protocol.ts';
import { type Fact, Facts as FactList } from '../components/Facts.tsx';
import { formatBytes, formatCount, formatInteger } from '../format.ts';

const NORMS: Record<ModelSummary['norm'], string> = { rms_norm: 'RMSNorm', layer_norm: 'LayerNorm' };

/** Of a model whose tokenizer may still be read. */
type Known = Facts & Partial<ModelSummary>;

export function inOneLine({ parameters, dtype, bytes, shape, max_position_embeddings: context, files }: Known): string {
  return [
    `${formatCount(parameters)} parameters`,
    `${formatBytes(bytes)} · ${dtype}`,
    layers(shape),
    `${formatInteger(context)} tokens of context`,
    filesOf(files),
  ].join(' · ');
}

const layers = ({ num_hidden_layers, hidden_size }: Facts['shape']) =>
  `${num_hidden_layers} × ${formatInteger(hidden_size)}`;

const filesOf = ({ length }: Facts['files']) => (length === 1 ? '1 file' : `${length} files`);

/** Everything the headers say, no weight has been read for it: one line, and the rest when it is wanted. */
export function ModelFacts({ model }: { model: Known }) {
  const { shape } = model;
  const facts: Fact[] = [
    { name: 'Architecture', value: model.architecture },
    { name: 'Family', value: model.model_type, title: 'As the config names it' },
    { name: 'Parameters', value: formatCount(model.parameters), title: `${formatInteger(model.parameters)} elements` },
    { name: 'Weights', value: `${formatBytes(model.bytes)} · ${model.dtype}` },
    { name: 'Layers × hidden', value: layers(shape) },
    {
      name: 'Heads',
      value: `${model.num_attention_heads} × ${model.head_dim}${grouped(model)}`,
      title: 'Attention heads × size of each; key and value heads where several query heads share one',
    },
    {
      name: 'Blocks',
      value: `${shape.parallel ? 'parallel' : 'sequential'} · ${NORMS[model.norm]}`,
      title: shape.parallel
        ? 'Attention and MLP of a layer read the same input'
        : 'The MLP of a layer reads what its attention wrote',
    },
    { name: 'Positions', value: model.positions },
    { name: 'MLP', value: `${formatInteger(shape.intermediate_size)}${shape.gated ? ' · gated' : ''}` },
    { name: 'Vocabulary', value: `${formatInteger(shape.vocab_size)}${shape.tied ? ' · tied head' : ' · own head'}` },
    { name: 'Context', value: `${formatInteger(model.max_position_embeddings)} tokens` },
    { name: 'Tokenizer', value: model.tokenizer ?? '…' },
  ];
  return (
    <>
      {model.warnings.map((warning) => (
        <p key={warning} className="notice">
          {warning}
        </p>
      ))}
      <details className="fold">
        <summary>{layers(shape)} · all facts</summary>
        <div className="fold-body">
          <FactList facts={facts} />
        </div>
      </details>
      <details className="fold">
        <summary>
          {filesOf(model.files)} · {formatInteger(model.tensors.length)} tensors
        </summary>
        <ul className="file-list">
          {model.files.map(({ name, bytes }) => (
            <li key={name}>
              <span>{name}</span>
              <span>{formatBytes(bytes)}</span>
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function grouped({ num_attention_heads, num_key_value_heads }: Facts): string {
  return num_key_value_heads === num_attention_heads ? '' : `, ${num_key_value_heads} key/value`;
}
