/** @file Texts that a model writes one after another, with its weights kept on the device between them. */
import { nextTask, throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { TrainedLoader } from '../../runtime/backward/trained_loader.ts';
import { GrowingText } from '../../runtime/decode/growing_text.ts';
import { RESIDENT_BYTES, ResidentWeights } from '../../runtime/decode/resident.ts';
import type { Trainable } from '../train/linears.ts';

export class Writer {
  private readonly weights: ResidentWeights;

  /**
   * @param arena Whose end lets go of the weights.
   * @param trainable What has been learnt so far; absent: the model as it is.
   */
  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    trainable?: Trainable,
  ) {
    const loader = trainable && new TrainedLoader(arena, trainable.adapters, trainable.whole);
    this.weights = new ResidentWeights(arena, model, RESIDENT_BYTES, loader);
  }

  /** A text that will have so many tokens at most; free it before the next. */
  text(total: number): GrowingText {
    return new GrowingText(this.arena, this.model, total, this.weights);
  }

  /** Tokens behind a prompt, the one that ended them included. @param choose From the logits of the next. */
  async write(
    prompt: Uint32Array,
    count: number,
    ends: readonly number[],
    choose: (logits: Float32Array) => number,
    signal: AbortSignal,
  ): Promise<number[]> {
    const text = this.text(prompt.length + count);
    try {
      const made: number[] = [];
      let next = prompt;
      while (made.length < count) {
        // What computes on this thread leaves no room for a message that says stop.
        await nextTask();
        throwIfCancelled(signal);
        const token = choose(await text.append(next, signal));
        made.push(token);
        if (ends.includes(token)) break;
        next = Uint32Array.of(token);
      }
      return made;
    } finally {
      text.free();
    }
  }
}
