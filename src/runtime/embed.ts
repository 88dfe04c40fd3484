/**
 * @file Token ids → hidden states. Only the rows of the embedding table that the tokens need are read, so a table of
 * any size costs a few megabytes on the device.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Embedding, LearnedPositions, WeightRef } from '../models/decoder_model.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import type { Arena } from './arena.ts';
import { applyNorm } from './forward.ts';
import type { WeightLoader } from './weights.ts';

/** Rows closer together than this are read with one request. */
const MAX_GAP_BYTES = 64 * 1024;

/**
 * Embeds several batches of tokens.
 * @param ids One array a batch: consecutive windows of `seqlen` tokens.
 * @returns One tensor (tokens, d) a batch, owned by the arena.
 */
export async function embedTokens(
  arena: Arena,
  loader: WeightLoader,
  embedding: Embedding,
  ids: readonly Uint32Array[],
  seqlen: number,
): Promise<Tensor[]> {
  const { backend } = arena;
  const table = await compactTable(embedding.weight, ids);
  const stored = loader.decode(embedding.weight, table.bytes, [table.count, embedding.weight.shape[1]]);
  const rows = await embeddingRows(arena, loader, embedding, stored);
  const weight = embedding.projection ? await project(arena, loader, rows, embedding.projection) : rows;
  const outputs = ids.map((batch, i) => {
    const input_ids = arena.own(
      backend.fromIds(
        batch.map((id) => table.row.get(id) as number),
        'input_ids',
      ),
    );
    const output = arena.empty([batch.length, weight.shape[1]], `hidden_states.${i}`);
    backend.embedding({ input_ids, weight, first_row: 0, output });
    arena.free(input_ids);
    return output;
  });
  arena.free(rows, weight);
  if (embedding.positions) await addPositions(arena, loader, embedding, outputs, seqlen);
  return outputs;
}

/** centre(norm(scale · E)) of some rows of the table; the given tensor is used or freed. */
export async function embeddingRows(
  arena: Arena,
  loader: WeightLoader,
  { scale, norm, centered }: Embedding,
  stored: Tensor,
): Promise<Tensor> {
  const { backend } = arena;
  let rows = stored;
  if (scale !== undefined) backend.scale({ hidden_states: rows, factor: scale });
  if (norm) {
    const loaded = await loader.norm(norm);
    rows = arena.empty(stored.shape, 'normed_embeddings');
    applyNorm(arena, loaded, stored, rows);
    arena.free(stored, loaded.weight, loaded.bias);
  }
  if (centered) backend.center_rows({ hidden_states: rows });
  return rows;
}

/** Adds the learned position of each row of each batch; (seqlen, d) of the table are read once. */
async function addPositions(
  arena: Arena,
  loader: WeightLoader,
  embedding: Embedding,
  batches: readonly Tensor[],
  seqlen: number,
): Promise<void> {
  const { backend } = arena;
  const { weight, offset } = embedding.positions as LearnedPositions;
  const table = await loader.load(weight, { start: offset, end: offset + seqlen });
  if (embedding.centered) backend.center_rows({ hidden_states: table });
  for (const hidden_states of batches) {
    const ids = backend.fromIds(
      Uint32Array.from({ length: hidden_states.shape[0] }, (_, row) => row % seqlen),
      'position_ids',
    );
    const input_ids = arena.own(ids);
    const positions = arena.workspace('position_embeddings', hidden_states.shape);
    backend.embedding({ input_ids, weight: table, first_row: 0, output: positions });
    backend.add({ a: hidden_states, b: positions, output: hidden_states });
    arena.free(input_ids);
  }
  arena.free(table);
}

async function project(arena: Arena, loader: WeightLoader, rows: Tensor, projection: WeightRef): Promise<Tensor> {
  const matrix = await loader.load(projection);
  const output = arena.empty([rows.shape[0], projection.shape[1]], 'projected_embeddings');
  arena.backend.matmul({ a: rows, b: matrix, output });
  arena.free(matrix);
  return output;
}

interface CompactTable {
  /** Stored bytes of the needed rows, in ascending order of token id. */
  bytes: Uint8Array;
  count: number;
  /** Token id → row of `bytes`. */
  row: Map<number, number>;
}

async function compactTable(weight: WeightRef, ids: readonly Uint32Array[]): Promise<CompactTable> {
  const needed = [...new Set(ids.flatMap((batch) => [...batch]))].sort((a, b) => a - b);
  const rowBytes = weight.shape[1] * bytesPerElement(weight.dtype);
  const gap = Math.max(1, Math.floor(MAX_GAP_BYTES / rowBytes));
  const bytes = new Uint8Array(needed.length * rowBytes);
  for (let first = 0; first < needed.length; ) {
    let last = first;
    while (last + 1 < needed.length && needed[last + 1] - needed[last] <= gap) last++;
    const start = needed[first];
    const block = await weight.read({ start, end: needed[last] + 1 });
    for (let i = first; i <= last; i++) {
      const from = (needed[i] - start) * rowBytes;
      bytes.set(block.subarray(from, from + rowBytes), i * rowBytes);
    }
    first = last + 1;
  }
  return { bytes, count: needed.length, row: new Map(needed.map((id, i) => [id, i])) };
}
