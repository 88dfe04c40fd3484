/**
 * @file Token ids → hidden states. Only the rows of the embedding table that the tokens need are read, so a table of
 * any size costs a few megabytes on the device.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Embedding, LearnedPositions, WeightRef } from '../models/decoder_model.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import type { Arena } from './arena.ts';
import { MAX_TABLE_BYTES } from './budgets.ts';
import { applyNorm } from './layer_products.ts';
import type { WeightLoader } from './weights.ts';

/** Rows closer together than this are read with one request. */
const MAX_GAP_BYTES = 64 * 1024;

/**
 * Embeds several batches of tokens.
 * @param ids One array a batch: consecutive windows of `seqlen` tokens.
 * @param onBatch Gets each batch's (tokens, d), owned by the arena, in order.
 * @param first Position of each window's first token.
 */
export async function embedTokens(
  arena: Arena,
  loader: WeightLoader,
  embedding: Embedding,
  ids: readonly Uint32Array[],
  seqlen: number,
  onBatch: (states: Tensor, index: number) => Promise<void>,
  first = 0,
): Promise<void> {
  const positions = embedding.positions && (await positionTable(arena, loader, embedding, first, seqlen));
  let index = 0;
  for (const group of tableGroups(ids, embedding.weight.shape[1])) {
    const table = await compactTable(embedding.weight, group);
    const stored = loader.decode(embedding.weight, table.bytes, [table.count, embedding.weight.shape[1]]);
    const rows = await embeddingRows(arena, loader, embedding, stored);
    const weight = embedding.projection ? await project(arena, loader, rows, embedding.projection) : rows;
    if (weight !== rows) arena.free(rows);
    for (const batch of group) {
      const output = arena.empty([batch.length, weight.shape[1]], `hidden_states.${index}`);
      lookUp(
        arena,
        weight,
        batch.map((id) => table.row.get(id) as number),
        output,
      );
      if (positions) addPositions(arena, positions, output, seqlen);
      await onBatch(output, index++);
    }
    arena.free(weight);
  }
  arena.free(positions);
}

/** Consecutive batches whose distinct tokens fit into one table together; a batch is never cut. */
function tableGroups(ids: readonly Uint32Array[], columns: number): Uint32Array[][] {
  const most = MAX_TABLE_BYTES / (4 * columns);
  const groups: Uint32Array[][] = [];
  let distinct = new Set<number>();
  for (const batch of ids) {
    const joined = new Set([...distinct, ...batch]);
    if (groups.length > 0 && joined.size <= most) {
      groups[groups.length - 1].push(batch);
      distinct = joined;
    } else {
      groups.push([batch]);
      distinct = new Set(batch);
    }
  }
  return groups;
}

/** output[i] = weight[rows[i]]. */
function lookUp(arena: Arena, weight: Tensor, rows: Uint32Array, output: Tensor): void {
  const input_ids = arena.own(arena.backend.fromIds(rows, 'input_ids'));
  arena.backend.embedding({ input_ids, weight, first_row: 0, output });
  arena.free(input_ids);
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

/** (seqlen, d): learned positions first … first + seqlen. */
async function positionTable(
  arena: Arena,
  loader: WeightLoader,
  embedding: Embedding,
  first: number,
  seqlen: number,
): Promise<Tensor> {
  const { weight, offset } = embedding.positions as LearnedPositions;
  const table = await loader.load(weight, { start: offset + first, end: offset + first + seqlen });
  if (embedding.centered) arena.backend.center_rows({ hidden_states: table });
  return table;
}

function addPositions(arena: Arena, table: Tensor, hidden_states: Tensor, seqlen: number): void {
  const rows = Uint32Array.from({ length: hidden_states.shape[0] }, (_, row) => row % seqlen);
  const positions = arena.workspace('position_embeddings', hidden_states.shape);
  lookUp(arena, table, rows, positions);
  arena.backend.add({ a: hidden_states, b: positions, output: hidden_states });
}

async function project(arena: Arena, loader: WeightLoader, rows: Tensor, projection: WeightRef): Promise<Tensor> {
  const matrix = await loader.load(projection);
  const output = arena.empty([rows.shape[0], projection.shape[1]], 'projected_embeddings');
  arena.backend.matmul({ a: rows, b: matrix, output });
  arena.free(matrix);
  return output;
}

export interface CompactTable {
  /** Stored bytes of the needed rows, in ascending order of token id. */
  bytes: Uint8Array;
  count: number;
  /** Token id → row of `bytes`. */
  row: Map<number, number>;
}

/** Rows of a table that some tokens need. */
export async function compactTable(weight: WeightRef, ids: readonly Uint32Array[]): Promise<CompactTable> {
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
