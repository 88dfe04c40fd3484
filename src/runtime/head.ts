/**
 * @file Final norm, head and loss. The vocabulary is taken in blocks with a running log-sum-exp, so neither the head's
 * matrix nor the logits are ever whole on the device.
 */

import type { Tensor } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { DecoderModel, Head } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { vocabularyBlockRows } from './budgets.ts';
import { applyNorm } from './layer_products.ts';
import type { DeviceNorm, WeightLoader } from './weights.ts';

export interface VocabularyBlock {
  start: number;
  end: number;
}

export function vocabularyBlocks(arena: Arena, head: Head, rows: number): VocabularyBlock[] {
  const [vocabulary, columns] = head.weight.shape;
  const size = vocabularyBlockRows(vocabulary, columns, rows, arena.backend.info.maxTensorBytes);
  const blocks: VocabularyBlock[] = [];
  for (let start = 0; start < vocabulary; start += size)
    blocks.push({ start, end: Math.min(vocabulary, start + size) });
  return blocks;
}

/** norm(h)·projection of hidden states (tokens, d) after the last layer; they are freed. */
export function headInput(
  arena: Arena,
  norm: DeviceNorm,
  projection: Tensor | undefined,
  hidden_states: Tensor,
): Tensor {
  const normed = arena.empty(hidden_states.shape, 'final_norm');
  applyNorm(arena, norm, hidden_states, normed);
  arena.free(hidden_states);
  if (!projection) return normed;
  const output = arena.empty([hidden_states.shape[0], projection.shape[1]], 'head_input');
  arena.backend.matmul({ a: normed, b: projection, output });
  arena.free(normed);
  return output;
}

/** norm(h)·projection for each batch of hidden states (tokens, d) after the last layer; they are freed. */
export async function headInputs(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  batches: readonly Tensor[],
): Promise<Tensor[]> {
  // None of the layers' workspace is needed any more.
  arena.freeWorkspace();
  const norm = await loader.norm(model.norm);
  const projection = model.lm_head.projection && (await loader.load(model.lm_head.projection));
  const outputs = batches.map((hidden_states) => headInput(arena, norm, projection, hidden_states));
  arena.free(norm.weight, norm.bias, projection);
  return outputs;
}

export interface HeadBlock {
  /** (n, columns): rows `start … end` of the head. */
  weight: Tensor;
  bias?: Tensor;
}

/** Of a walk over the head's blocks. */
export interface HeadOptions {
  signal?: AbortSignal;
  /** Called while a block of the model's own head is on the device. */
  onBlock?(block: HeadBlock, head: Head): Promise<void>;
  /** Gets the logits of a batch where they are those of the whole vocabulary, and what `cross_entropy` left of them: to be kept, if wanted. */
  onLogits?(batch: number, logits: Tensor, state: Tensor): void;
}

export async function loadHeadBlock(loader: WeightLoader, head: Head, rows: VocabularyBlock): Promise<HeadBlock> {
  return {
    weight: await loader.product(head.weight, rows),
    bias: head.bias && (await loader.load(head.bias, rows)),
  };
}

/** The head's blocks, one after the other; while one is used, the next is read. */
export async function* headBlocks(
  loader: WeightLoader,
  head: Head,
  blocks: readonly VocabularyBlock[],
): AsyncGenerator<HeadBlock & VocabularyBlock> {
  for (const [i, { start, end }] of blocks.entries()) {
    const block = await loadHeadBlock(loader, head, { start, end });
    if (i + 1 < blocks.length) loader.prefetchRows(head.weight, blocks[i + 1]);
    yield { ...block, start, end };
  }
}

/** Logits of one block of the vocabulary into `logits` (rows, n). */
export function blockLogits(
  arena: Arena,
  head: Head,
  { weight, bias }: HeadBlock,
  input: Tensor,
  logits: Tensor,
): void {
  const { backend } = arena;
  backend.matmul_bt({ a: input, b: weight, output: logits });
  if (bias) backend.add_bias({ hidden_states: logits, bias });
  if (head.scale !== undefined) backend.scale({ hidden_states: logits, factor: head.scale });
  if (head.soft_cap !== undefined) backend.soft_cap({ hidden_states: logits, cap: head.soft_cap });
}

/**
 * Loss of every token of some batches.
 * @param inputs What the head reads of each batch ({@link headInputs}); they are freed.
 * @param targets The token that should follow each row.
 * @returns One array a batch: −log p(target) in nats.
 */
export async function tokenLosses(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  inputs: readonly Tensor[],
  targets: readonly Uint32Array[],
  { signal, onBlock, onLogits }: HeadOptions = {},
): Promise<Float64Array[]> {
  const { backend } = arena;
  const states = inputs.map((input) => arena.empty([input.shape[0], 4], 'cross_entropy_state'));
  const targetIds = targets.map((ids) => arena.own(backend.fromIds(ids, 'target_ids')));
  const rows = Math.max(...inputs.map((input) => input.shape[0]));
  const blocks = vocabularyBlocks(arena, model.lm_head, rows);
  for await (const { start, end, ...block } of headBlocks(loader, model.lm_head, blocks)) {
    throwIfCancelled(signal);
    await onBlock?.(block, model.lm_head);
    inputs.forEach((input, i) => {
      const logits = arena.workspace('logits', [input.shape[0], end - start]);
      blockLogits(arena, model.lm_head, block, input, logits);
      backend.cross_entropy({ logits, target_ids: targetIds[i], first_column: start, state: states[i] });
      if (end - start === model.lm_head.weight.shape[0]) onLogits?.(i, logits, states[i]);
    });
    arena.free(block.weight, block.bias);
    await backend.sync();
  }
  const losses: Float64Array[] = [];
  for (const state of states) losses.push(lossesOfState(await backend.read(state)));
  arena.free(...inputs, ...states, ...targetIds);
  return losses;
}

/** `log(sum) + maximum − target` of each token, in f64. */
export function lossesOfState(state: ArrayLike<number>): Float64Array {
  const losses = new Float64Array(state.length / 4);
  for (let row = 0; row < losses.length; row++) {
    const [maximum, sum, target] = [state[4 * row], state[4 * row + 1], state[4 * row + 2]];
    losses[row] = Math.log(sum) + maximum - target;
  }
  return losses;
}

/**
 * All logits of one batch, read back: (tokens, vocab_size). For comparing an export with the app.
 * @param input What the head reads ({@link headInputs}); it is freed.
 */
export async function allLogits(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  input: Tensor,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { backend } = arena;
  const rows = input.shape[0];
  const vocabulary = model.lm_head.weight.shape[0];
  const all = new Float32Array(rows * vocabulary);
  const blocks = vocabularyBlocks(arena, model.lm_head, rows);
  for await (const { start, end, ...block } of headBlocks(loader, model.lm_head, blocks)) {
    throwIfCancelled(signal);
    const logits = arena.empty([rows, end - start], 'logits_block');
    blockLogits(arena, model.lm_head, block, input, logits);
    const values = await backend.read(logits);
    for (let row = 0; row < rows; row++) {
      all.set(values.subarray(row * (end - start), (row + 1) * (end - start)), row * vocabulary + start);
    }
    arena.free(block.weight, block.bias, logits);
  }
  arena.free(input);
  return all;
}
