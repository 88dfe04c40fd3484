/**
 * @file The embedding backwards: h = centre(norm(scale·E[token]))·projection + centre(P[position + offset]). What happens to a token's
 * row happens to its gradient's sum over the batch, so only as many rows are computed as there are distinct tokens.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { Embedding, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { tableBlockRows } from '../budgets.ts';
import { compactTable, embeddingRows } from '../embed.ts';
import type { WeightLoader } from '../weights.ts';
import type { BackwardContext } from './context.ts';
import { normBackward } from './parts.ts';

/** Rows of a table and where in a batch each was looked up, both ascending. */
export interface LookUps {
  targets: number[];
  /** Of `order`, where each target's begin; one more at the end. */
  starts: number[];
  order: number[];
}

export function lookUpsOf(ids: ArrayLike<number>): LookUps {
  const places = new Map<number, number[]>();
  for (let row = 0; row < ids.length; row++) {
    const found = places.get(ids[row]);
    if (found) found.push(row);
    else places.set(ids[row], [row]);
  }
  const targets = [...places.keys()].sort((a, b) => a - b);
  const starts = [0];
  for (const target of targets) starts.push(starts[starts.length - 1] + (places.get(target) as number[]).length);
  return { targets, starts, order: targets.flatMap((target) => places.get(target) as number[]) };
}

/** Whether anything of the embedding is trained. */
export function trainsEmbedding(
  { gradients }: BackwardContext,
  { weight, norm, projection, positions }: Embedding,
): boolean {
  return [weight, norm?.weight, norm?.bias, projection, positions?.weight].some((ref) => gradients.wanted(ref));
}

/**
 * Adds the gradients of the embedding's trained parts for one batch.
 * @param ids The batch's tokens. @param d (rows, d): gradient by the hidden states, left as it is.
 */
export async function embeddingBackward(
  context: BackwardContext,
  loader: WeightLoader,
  embedding: Embedding,
  ids: Uint32Array,
  seqlen: number,
  d: Tensor,
): Promise<void> {
  const { gradients } = context;
  positionsBackward(context, embedding, seqlen, d);
  const { weight, norm, projection } = embedding;
  if (![weight, norm?.weight, norm?.bias, projection].some((ref) => gradients.wanted(ref))) return;
  await tokensBackward(context, loader, embedding, lookUpsOf(ids), d);
}

async function tokensBackward(
  context: BackwardContext,
  loader: WeightLoader,
  embedding: Embedding,
  { targets, starts, order }: LookUps,
  d: Tensor,
): Promise<void> {
  const { arena, gradients } = context;
  const { backend } = arena;
  const { weight, scale, norm, centered, projection } = embedding;
  const compact = targets.map((_, i) => i);
  let gradient = arena.empty([targets.length, d.shape[1]], 'grad_rows');
  scatter(arena, d, { targets: compact, starts, order }, gradient);
  const table = await compactTable(weight, [Uint32Array.from(targets)]);
  const stored = () => loader.decode(weight, table.bytes, [table.count, weight.shape[1]]);
  if (projection) {
    const rows = await embeddingRows(arena, loader, embedding, stored());
    const total = gradients.of(projection);
    if (total) backend.matmul_at({ a: rows, b: gradient, output: total, accumulate: true });
    const matrix = await loader.load(projection);
    const output = arena.empty(rows.shape, 'grad_rows');
    backend.matmul_bt({ a: gradient, b: matrix, output });
    arena.free(rows, matrix, gradient);
    gradient = output;
  }
  if (centered) backend.center_rows({ hidden_states: gradient });
  if (norm) {
    const [loaded, rows] = [await loader.norm(norm), stored()];
    if (scale !== undefined) backend.scale({ hidden_states: rows, factor: scale });
    const output = arena.empty(rows.shape, 'grad_rows');
    normBackward(context, norm, loaded, rows, gradient, { output });
    arena.free(loaded.weight, loaded.bias, rows, gradient);
    gradient = output;
  }
  if (scale !== undefined) backend.scale({ hidden_states: gradient, factor: scale });
  if (gradients.wanted(weight)) addToTable(context, weight, targets, gradient);
  arena.free(gradient);
}

/** P's gradient is a sum over the sequences of a batch. */
function positionsBackward(
  { arena, gradients }: BackwardContext,
  embedding: Embedding,
  seqlen: number,
  d: Tensor,
): void {
  const { positions, centered } = embedding;
  const total = positions && gradients.of(positions.weight);
  if (!total) return;
  const { backend } = arena;
  const all = Array.from({ length: seqlen }, (_, position) => position);
  const sums = arena.empty([seqlen, d.shape[1]], 'grad_positions');
  scatter(arena, d, lookUpsOf(Array.from({ length: d.shape[0] }, (_, row) => row % seqlen)), sums);
  if (centered) backend.center_rows({ hidden_states: sums });
  const targets = all.map((position) => position + positions.offset);
  scatter(arena, sums, { targets, starts: [...all, seqlen], order: all }, total);
  arena.free(sums);
}

/** Row i of `rows` is added to row targets[i] of the table's gradient, which may lie in blocks: a tied head's are there already. */
function addToTable(context: BackwardContext, ref: WeightRef, targets: readonly number[], rows: Tensor): void {
  const { arena, gradients } = context;
  if (gradients.blocks(ref).length === 0) {
    const step = tableBlockRows(ref.shape[1], arena.backend.info.maxTensorBytes);
    for (let start = 0; start < ref.shape[0]; start += step) {
      gradients.rows(ref, { start, end: Math.min(ref.shape[0], start + step) });
    }
  }
  for (const { start, end, tensor } of gradients.blocks(ref)) {
    const inside = targets.flatMap((target, i) => (target >= start && target < end ? [i] : []));
    if (inside.length === 0) continue;
    const starts = [...inside.keys(), inside.length];
    scatter(arena, rows, { targets: inside.map((i) => targets[i] - start), starts, order: inside }, tensor);
  }
}

function scatter(arena: Arena, hidden_states: Tensor, { targets, starts, order }: LookUps, output: Tensor): void {
  const { backend } = arena;
  const lists = [order, starts, targets].map((ids) => arena.own(backend.fromIds(ids, 'look_ups')));
  backend.scatter_add({ hidden_states, order: lists[0], starts: lists[1], targets: lists[2], output });
  arena.free(...lists);
}
