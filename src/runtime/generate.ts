/** @file Text that a model writes: one token after another, each chosen from the logits after those before it. */
import type { Backend } from '../backend/backend.ts';
import { nextTask, throwIfCancelled } from '../backend/event_loop.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from './arena.ts';
import { GrowingText } from './decode/growing_text.ts';
import { GREEDY, type SamplingOptions, sampler } from './decode/sampling.ts';

export interface GenerateOptions {
  sampling?: SamplingOptions;
  signal?: AbortSignal;
  /** Tokens that end a text; the one that did is part of the result. */
  eos?: readonly number[];
  /** Bytes of weights that stay on the device between tokens. */
  residentBytes?: number;
  /** @param ms Since the token before; for the first, that is the whole prompt. */
  onToken?(token: number, ms: number): void | Promise<void>;
}

/**
 * Up to `count` tokens that follow `ids`; without `sampling` the most likely one each time.
 * @throws `bad_option` for no ids or more positions than the model has, `non_finite_activations`, `cancelled`, and what the
 *   backend throws.
 */
export async function generate(
  backend: Backend,
  model: DecoderModel,
  ids: ArrayLike<number>,
  count: number,
  { sampling = GREEDY, signal, eos, residentBytes, onToken }: GenerateOptions = {},
): Promise<number[]> {
  checkLength(model, ids.length, count);
  const choose = sampler(sampling);
  return withArena(backend, async (arena) => {
    const text = new GrowingText(arena, model, ids.length + count, residentBytes);
    const made: number[] = [];
    const seen = new Set<number>(Array.from(ids));
    let next = Uint32Array.from(ids);
    while (made.length < count) {
      // What computes on this thread leaves no room for a message that says stop.
      await nextTask();
      throwIfCancelled(signal);
      const begun = performance.now();
      const token = choose(await text.append(next, signal), seen);
      seen.add(token);
      made.push(token);
      await onToken?.(token, performance.now() - begun);
      if (eos?.includes(token)) break;
      next = Uint32Array.of(token);
    }
    return made;
  });
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
