/** @file Weights of a part, read by range from the written files: whole, rows of some tokens, or a block of the vocabulary. */
import type { PartTensor } from '../../../formats/onnx/graph_part.ts';
import type { StoredTensor } from '../../../formats/onnx/read_tensor.ts';
import type { ByteSource } from '../../../formats/source.ts';
import { failed } from '../session.ts';
import type { VocabularyAxis } from './head.ts';

const CHUNK_BYTES = 16 * 2 ** 20;
/** Short reads that are asked for together are made as one where they lie side by side. */
const READS_AT_ONCE = 256;

export class WeightFiles {
  constructor(
    private readonly model: ByteSource,
    private readonly external: ReadonlyMap<string, ByteSource>,
  ) {}

  whole(tensor: StoredTensor): PartTensor {
    return this.described(tensor, tensor.dims, tensor.bytes, (target) => this.read(tensor, 0, target));
  }

  /** One row for each of `ids`, `row_bytes` long. */
  rows(tensor: StoredTensor, ids: Uint32Array, row_bytes: number): PartTensor {
    const each = tensor.dims.length > 1 ? 1 : (row_bytes * tensor.dims[0]) / tensor.bytes;
    const dims = [ids.length * each, ...tensor.dims.slice(1)];
    return this.described(tensor, dims, ids.length * row_bytes, (target) =>
      inGroups(ids.length, (i) =>
        this.read(tensor, ids[i] * row_bytes, target.subarray(i * row_bytes, (i + 1) * row_bytes)),
      ),
    );
  }

  /** Tokens `start … end` of a weight of the head. */
  block(tensor: StoredTensor, axis: VocabularyAxis, vocabulary: number, start: number, end: number): PartTensor {
    const count = end - start;
    const bytes = (tensor.bytes / vocabulary) * count;
    if (axis === 'rows') {
      const each = tensor.bytes / vocabulary;
      const dims = [(tensor.dims[0] / vocabulary) * count, ...tensor.dims.slice(1)];
      return this.described(tensor, dims, bytes, (target) => this.read(tensor, start * each, target));
    }
    const size = tensor.bytes / tensor.elements;
    const [rows] = tensor.dims;
    return this.described(tensor, [rows, count], bytes, (target) =>
      inGroups(rows, (row) =>
        this.read(
          tensor,
          (row * vocabulary + start) * size,
          target.subarray(row * count * size, (row + 1) * count * size),
        ),
      ),
    );
  }

  private described(
    { name, type }: StoredTensor,
    dims: readonly number[],
    bytes: number,
    fill: PartTensor['fill'],
  ): PartTensor {
    return { name, type: type.name, dims, bytes, fill };
  }

  /** Bytes of a weight from `offset` on, as many as the target has. */
  private async read({ name, location }: StoredTensor, offset: number, target: Uint8Array): Promise<void> {
    if (location.kind === 'none') return;
    const source = location.kind === 'inline' ? this.model : this.sourceOf(name, location);
    const start = (location as { offset: number }).offset + offset;
    for (let at = 0; at < target.length; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, target.length - at);
      if (source.fill) source.fill(target.subarray(at, at + length), start + at);
      else target.set(await source.read(start + at, length), at);
    }
  }

  private sourceOf(name: string, location: StoredTensor['location']): ByteSource {
    const source = location.kind === 'external' ? this.external.get(location.file) : undefined;
    if (source) return source;
    throw failed(`The values of a weight are not laid out as bytes (${location.kind}).`, name);
  }
}

async function inGroups(count: number, read: (index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < count; start += READS_AT_ONCE) {
    const end = Math.min(count, start + READS_AT_ONCE);
    await Promise.all(Array.from({ length: end - start }, (_, i) => read(start + i)));
  }
}
