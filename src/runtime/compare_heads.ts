/**
 * @file Two heads on the same tokens, block of the vocabulary by block: what `cross_entropy` and `compare_logits` leave of
 * each token is read back, not the logits. A block of both heads is loaded once for all batches.
 */
import type { Tensor } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { Head } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import type { HeadStates } from './divergence.ts';
import { blockLogits, type HeadBlock, type HeadOptions, loadHeadBlock, vocabularyBlocks } from './head.ts';
import type { DenseLogits } from './kept_logits.ts';
import type { WeightLoader } from './weights.ts';

export interface BothHeads {
  dense: Head;
  own: Head;
}

/** What both heads read of one batch, norm(h)·projection: (rows, d) each. */
export interface HeadPair {
  /** Or what the dense head gave of it, where the vocabulary is taken whole ({@link comparesWhole}). */
  dense: Tensor | DenseLogits;
  own: Tensor;
  /** (rows): the token that should follow each row. */
  targets: Uint32Array;
}

export interface ComparedHeads {
  /** Of each batch. */
  states: HeadStates[];
  /** Milliseconds of the own head alone, as a measurement without the dense model has them. */
  own_ms: number;
}

/** @param batches Their inputs, and logits that were given, are left as they are. What `onBlock` takes counts for neither head. */
export async function compareHeads(
  arena: Arena,
  loader: WeightLoader,
  heads: BothHeads,
  batches: readonly HeadPair[],
  { signal, onBlock }: HeadOptions = {},
): Promise<ComparedHeads> {
  const { backend } = arena;
  const states = batches.map(({ dense, own: { shape }, targets }) => ({
    target_ids: arena.own(backend.fromIds(targets, 'target_ids')),
    dense: 'logits' in dense ? dense.state : arena.empty([shape[0], 4], 'dense_cross_entropy_state'),
    own: arena.empty([shape[0], 4], 'cross_entropy_state'),
    compared: arena.empty([shape[0], 8], 'compared_state'),
  }));
  let own_ms = 0;
  const isDenseKnown = batches.every(({ dense }) => 'logits' in dense);
  const blocks = blocksOfBoth(
    arena,
    heads,
    batches.map(({ own }) => own),
  );
  for (const [index, { start, end }] of blocks.entries()) {
    throwIfCancelled(signal);
    let begun = performance.now();
    const own = await loadHeadBlock(loader, heads.own, { start, end });
    own_ms += performance.now() - begun;
    await onBlock?.(own, heads.own);
    const dense = isDenseKnown ? undefined : await loadHeadBlock(loader, heads.dense, { start, end });
    if (index + 1 < blocks.length) {
      // Methods that leave the head alone leave both models the same.
      const read = new Set([heads.own, ...(isDenseKnown ? [] : [heads.dense])].map(({ weight }) => weight));
      for (const weight of read) loader.prefetchRows(weight, blocks[index + 1]);
    }
    await backend.sync();
    for (const [i, batch] of batches.entries()) {
      const { target_ids, compared: state, ...both } = states[i];
      const shape = [batch.own.shape[0], end - start];
      const run = (name: keyof BothHeads, block: HeadBlock | undefined, input: Tensor | DenseLogits) => {
        if ('logits' in input || !block) return (input as DenseLogits).logits;
        const logits = arena.workspace(name === 'own' ? 'logits' : 'dense_logits', shape);
        blockLogits(arena, heads[name], block, input, logits);
        backend.cross_entropy({ logits, target_ids, first_column: start, state: both[name] });
        return logits;
      };
      begun = performance.now();
      const ownLogits = run('own', own, batch.own);
      await backend.sync();
      own_ms += performance.now() - begun;
      const denseLogits = run('dense', dense, batch.dense);
      const [dense_state, own_state] = [both.dense, both.own];
      backend.compare_logits({
        ...{ dense: denseLogits, own: ownLogits, dense_state, own_state, first_column: start, state },
      });
      await backend.sync();
    }
    arena.free(own.weight, own.bias, dense?.weight, dense?.bias);
  }
  const read: HeadStates[] = [];
  for (const { target_ids, dense, own, compared } of states) {
    read.push({
      dense: await backend.read(dense),
      own: await backend.read(own),
      compared: await backend.read(compared),
    });
    arena.free(target_ids, dense, own, compared);
  }
  return { states: read, own_ms };
}

/** Half as large as one head alone has them: there are two. */
function blocksOfBoth(arena: Arena, { dense, own }: BothHeads, inputs: readonly Tensor[]) {
  const wider = dense.weight.shape[1] > own.weight.shape[1] ? dense : own;
  const most = Math.max(wider.weight.shape[1], ...inputs.map(({ shape }) => shape[0]));
  return vocabularyBlocks(arena, wider, 2 * most);
}

/** Whether all of the vocabulary is one block, so that logits that are known can take the place of the dense head's. */
export function comparesWhole(arena: Arena, heads: BothHeads, own: readonly Tensor[]): boolean {
  return blocksOfBoth(arena, heads, own).length === 1;
}
