/**
 * @file Two heads on the same tokens, block of the vocabulary by block: what `cross_entropy` and `compare_logits` leave of
 * each token is read back, not the logits.
 */
import type { Tensor } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { Head } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import type { HeadStates } from './divergence.ts';
import { blockLogits, loadHeadBlock, vocabularyBlocks } from './head.ts';
import type { WeightLoader } from './weights.ts';

/** A head with what it reads, norm(h)·projection: (rows, d). */
export interface FedHead {
  head: Head;
  input: Tensor;
}

export interface ComparedHeads {
  states: HeadStates;
  /** Milliseconds of the own head alone, as a measurement without the dense model has them. */
  own_ms: number;
}

/**
 * @param dense, own Their inputs are left as they are.
 * @param targets (rows): the token that should follow each row.
 */
export async function compareHeads(
  arena: Arena,
  loader: WeightLoader,
  dense: FedHead,
  own: FedHead,
  targets: Uint32Array,
  signal?: AbortSignal,
): Promise<ComparedHeads> {
  const { backend } = arena;
  const rows = own.input.shape[0];
  const target_ids = arena.own(backend.fromIds(targets, 'target_ids'));
  const dense_state = arena.empty([rows, 4], 'dense_cross_entropy_state');
  const own_state = arena.empty([rows, 4], 'cross_entropy_state');
  const state = arena.empty([rows, 8], 'compared_state');
  const wider = dense.head.weight.shape[1] > own.head.weight.shape[1] ? dense.head : own.head;
  let own_ms = 0;
  for (const { start, end } of vocabularyBlocks(arena, wider, rows)) {
    throwIfCancelled(signal);
    const shape = [rows, end - start];
    const run = async ({ head, input }: FedHead, logits: Tensor, state: Tensor) => {
      const block = await loadHeadBlock(loader, head, { start, end });
      blockLogits(arena, head, block, input, logits);
      backend.cross_entropy({ logits, target_ids, first_column: start, state });
      arena.free(block.weight, block.bias);
    };
    const [ownLogits, denseLogits] = [arena.workspace('logits', shape), arena.workspace('dense_logits', shape)];
    const begun = performance.now();
    await run(own, ownLogits, own_state);
    await backend.sync();
    own_ms += performance.now() - begun;
    await run(dense, denseLogits, dense_state);
    backend.compare_logits({
      ...{ dense: denseLogits, own: ownLogits, dense_state, own_state, first_column: start, state },
    });
    await backend.sync();
  }
  const states = {
    dense: await backend.read(dense_state),
    own: await backend.read(own_state),
    compared: await backend.read(state),
  };
  arena.free(target_ids, dense_state, own_state, state);
  return { states, own_ms };
}
