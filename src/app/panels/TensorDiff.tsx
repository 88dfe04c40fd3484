import { useMemo, useState } from 'react';
import type { TensorDifference } from '../../engine/protocol.ts';
import { downloadBlob } from '../../platform/download.ts';
import { DataTable } from '../components/DataTable.tsx';
import { formatBytes } from '../format.ts';
import { bySize, diffCsv, formatRelative, type Order, shapeOf, shownTensors, typeOf } from '../store/tensor_diff.ts';

interface Props {
  tensors: readonly TensorDifference[];
  /** For the caption and the file: "dense against int4". */
  name: string;
}

/** Every tensor of two runs: shape, type and bytes where they differ, and how far its numbers moved. */
export default function TensorDiff({ tensors, name }: Props) {
  const [filter, setFilter] = useState('');
  const [order, setOrder] = useState<Order>('place');
  const rows = useMemo(() => shownTensors(tensors, filter, order), [tensors, filter, order]);
  const same = tensors.filter(({ relative_change }) => relative_change === 0).length;
  return (
    <section className="tensor-diff" aria-label={`Tensors, ${name}`}>
      <div className="chart-controls">
        <label>
          <span className="visually-hidden">Show tensors whose name has</span>
          <input
            type="search"
            placeholder="Part of a name"
            value={filter}
            onChange={(e) => setFilter(e.target.value)}
          />
        </label>
        <label>
          Order{' '}
          <select value={order} onChange={(e) => setOrder(e.target.value as Order)}>
            <option value="place">as in the model</option>
            <option value="change">largest change first</option>
          </select>
        </label>
        <button
          type="button"
          className="quiet"
          onClick={() => void downloadBlob(new Blob([diffCsv(tensors)], { type: 'text/csv' }), 'tensors.csv')}
        >
          Save as CSV
        </button>
      </div>
      <p className="muted" role="status">
        {rows.length} of {tensors.length} tensors; {same === 0 ? 'all' : tensors.length - same} differ.
      </p>
      <DataTable
        caption={`Tensors, ${name}`}
        rows={rows}
        columns={[
          { name: 'Tensor', isText: true, value: (row) => row.name },
          { name: 'Shape', value: shapeOf },
          { name: 'Type', isText: true, value: typeOf },
          { name: 'Bytes', value: (row) => bySize(row, formatBytes) },
          { name: 'Change', value: (row) => formatRelative(row.relative_change) },
          { name: 'Largest', value: (row) => row.max_change?.toPrecision(3) ?? '–' },
        ]}
      />
    </section>
  );
}
