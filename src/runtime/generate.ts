/**
 * @file Greedy generation: the most likely token, again and again. The whole text goes through the model for each new
 * token, without a cache of keys and values: slower than a cache, and exactly what evaluation computes.
 */
import type { Backend } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from './arena.ts';
import { allLogits } from './head.ts';
import { runLayers } from './model_pass.ts';
import { WeightLoader } from './weights.ts';

export interface GenerateOptions {
  signal?: AbortSignal;
  /** Tokens that end a text; the one that did is part of the result. */
  eos?: readonly number[];
  onToken?(token: number): void;
}

/**
 * Up to `count` tokens that follow `ids`.
 * @throws `bad_option` for no ids or more positions than the model has, `non_finite_activations`, `cancelled`, and what the
 *   backend throws.
 */
export async function generateGreedy(
  backend: Backend,
  model: DecoderModel,
  ids: ArrayLike<number>,
  count: number,
  options: GenerateOptions = {},
): Promise<number[]> {
  checkLength(model, ids.length, count);
  const text = Array.from(ids);
  for (let made = 0; made < count; made++) {
    throwIfCancelled(options.signal);
    const token = largest(await nextLogits(backend, model, Uint32Array.from(text), options.signal));
    text.push(token);
    options.onToken?.(token);
    if (options.eos?.includes(token)) break;
  }
  return text.slice(ids.length);
}

/** Logits of the token after `ids`, (vocabulary). */
async function nextLogits(
  backend: Backend,
  model: DecoderModel,
  ids: Uint32Array,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, true);
    const windows = { seqlen: ids.length, count: 1, ids, totalTokens: ids.length };
    const [hidden] = await runLayers(arena, loader, model, windows, [{ first: 0, count: 1 }], {}, signal);
    // Looking a row up in a table serves to take the last token's states alone: the head is the costly part.
    const input_ids = arena.own(backend.fromIds([ids.length - 1], 'last_token'));
    const last = arena.empty([1, hidden.shape[1]], 'last_hidden_states');
    backend.embedding({ input_ids, weight: hidden, first_row: 0, output: last });
    arena.free(input_ids, hidden);
    return allLogits(arena, loader, model, last, signal);
  });
}

/** Index of the largest logit, the first of equals. */
function largest(logits: Float32Array): number {
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) {
      throw new WhittleError({
        code: 'non_finite_activations',
        message: 'A logit is not a number.',
        action: 'Activations overflowed or hold NaN. Try the CPU backend, or another model.',
      });
    }
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

function checkLength(model: DecoderModel, given: number, count: number): void {
  if (given === 0) {
    throw new WhittleError({
      code: 'bad_option',
      message: 'There is no text to go on from.',
      allowed: 'at least one token',
      action: 'Type a few words.',
    });
  }
  const { positions } = model.embed_tokens;
  const most = positions ? positions.weight.shape[0] - positions.offset : Number.POSITIVE_INFINITY;
  // The last token that is made goes through the model no more.
  if (given + count - 1 <= most) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `${given} tokens and ${count} new ones are more than the model has positions for.`,
    place: { tensor: positions?.weight.name },
    allowed: `${most} positions`,
    action: 'Take a shorter text, or ask for fewer tokens.',
  });
}
