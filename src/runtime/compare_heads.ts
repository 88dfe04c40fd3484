/**
 * @file Two heads on the same tokens, block of the vocabulary by block: where the backend can, logits are compared where they
 * lie, and the model's own losses come up on the way; else both are read and compared on the host.
 */
import type { Tensor } from '../backend/backend.ts';
import { COMPARED, comparedRow } from '../backend/compared_logits.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { Head } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { DivergenceSums, type TokenDivergence, tokenDivergence } from './divergence.ts';
import { blockLogits, loadHeadBlock, logitsOfBoth, lossesOfState, vocabularyBlocks } from './head.ts';
import type { WeightLoader } from './weights.ts';

export interface ComparedHeads {
  /** The model's head and what it reads of each batch (`headInputs`), (rows, d); left as they are. */
  head: Head;
  inputs: readonly Tensor[];
  /** The token that should follow each row, a batch each. */
  targets: readonly Uint32Array[];
  dense: Head;
  /** What the dense head reads of each batch, left as it is; or made, the arena's, when it is needed, and freed. */
  denseInputs: readonly Tensor[] | ((batch: number) => Promise<Tensor>);
}

export interface HeadComparison {
  /** Of a row of a batch. */
  token(batch: number, row: number): TokenDivergence;
  /** −log p of each token of each batch as `tokenLosses` has them, and the milliseconds that they took; absent where they did not come up. */
  losses?: { batches: readonly Float64Array[]; ms: number };
}

export async function compareHeads(
  arena: Arena,
  loader: WeightLoader,
  heads: ComparedHeads,
  signal?: AbortSignal,
): Promise<HeadComparison> {
  return arena.backend.compare_logits ? inPlace(arena, loader, heads, signal) : onHost(arena, loader, heads, signal);
}

async function onHost(
  arena: Arena,
  loader: WeightLoader,
  { head, inputs, targets, dense, denseInputs }: ComparedHeads,
  signal?: AbortSignal,
): Promise<HeadComparison> {
  const sums: DivergenceSums[] = [];
  for (const [i, input] of inputs.entries()) {
    const own = new DivergenceSums(targets[i]);
    await withInput(arena, denseInputs, i, (other) =>
      logitsOfBoth(arena, loader, { head: dense, input: other }, { head, input }, own.add.bind(own), signal),
    );
    sums.push(own);
  }
  return { token: (batch, row) => sums[batch].token(row) };
}

async function inPlace(
  arena: Arena,
  loader: WeightLoader,
  { head, inputs, targets, dense, denseInputs }: ComparedHeads,
  signal?: AbortSignal,
): Promise<HeadComparison> {
  const { backend } = arena;
  const states = inputs.map(({ shape: [rows] }, i) => ({
    losses: arena.empty([rows, 4], 'cross_entropy_state'),
    compared: arena.empty([rows, COMPARED], 'compared_logits'),
    target_ids: arena.own(backend.fromIds(targets[i], 'target_ids')),
  }));
  let ms = 0;
  for (const { start, end } of blocksOfBoth(arena, dense, head, inputs)) {
    throwIfCancelled(signal);
    const begun = performance.now();
    const own = await loadHeadBlock(loader, head, { start, end });
    ms += performance.now() - begun;
    const other = await loadHeadBlock(loader, dense, { start, end });
    for (const [i, input] of inputs.entries()) {
      const { losses, compared, target_ids } = states[i];
      const shape = [input.shape[0], end - start];
      const before = performance.now();
      const logits = arena.workspace('logits', shape);
      blockLogits(arena, head, own, input, logits);
      backend.cross_entropy({ logits, target_ids, first_column: start, state: losses });
      ms += performance.now() - before;
      const denseLogits = arena.workspace('dense_logits', shape);
      await withInput(arena, denseInputs, i, (read) => blockLogits(arena, dense, other, read, denseLogits));
      backend.compare_logits?.({
        ...{ dense: denseLogits, own: logits, target_ids, first_column: start, state: compared },
      });
      await backend.sync();
    }
    arena.free(own.weight, own.bias, other.weight, other.bias);
  }
  const batches: Float64Array[] = [];
  const compared: ArrayLike<number>[] = [];
  for (const state of states) {
    batches.push(lossesOfState(await backend.read(state.losses)));
    compared.push(await backend.read(state.compared));
    arena.free(state.losses, state.compared, state.target_ids);
  }
  return {
    token: (batch, row) => tokenDivergence(comparedRow(compared[batch], row)),
    losses: { batches, ms },
  };
}

async function withInput(
  arena: Arena,
  inputs: ComparedHeads['denseInputs'],
  batch: number,
  use: (input: Tensor) => void | Promise<void>,
): Promise<void> {
  if (typeof inputs !== 'function') return use(inputs[batch]);
  const made = await inputs(batch);
  await use(made);
  arena.free(made);
}

/** Half as large as one head alone has them: there are two. */
function blocksOfBoth(arena: Arena, dense: Head, own: Head, inputs: readonly Tensor[]) {
  const wider = dense.weight.shape[1] > own.weight.shape[1] ? dense : own;
  const most = Math.max(wider.weight.shape[1], ...inputs.map(({ shape }) => shape[0]));
  return vocabularyBlocks(arena, wider, 2 * most);
}
