/**
 * @file How fast a model gives one token after another: products of a single row, layer by layer with its weights on the
 * device, so that reading them from where they wait does not count. Attention over the tokens before is left out: there is no
 * cache of keys and values here, and its share of a short text is small. Measured while an evaluation has the weights anyway.
 */
import type { Head } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { blockLogits, type HeadBlock } from './head.ts';
import type { LayerPart, LoadedPart } from './layer_parts.ts';
import { RotaryCache } from './model_pass.ts';

/** Tries of each product, after one that pays for compiling. */
const TRIES = 3;

export class DecodeMeter {
  private readonly rotary: RotaryCache;
  private ms = 0;
  private spent = 0;

  constructor(private readonly arena: Arena) {
    this.rotary = new RotaryCache(arena, 1);
  }

  /** Milliseconds that measuring took. */
  get spent_ms(): number {
    return this.spent;
  }

  /** Tokens per second, once every layer and every block of the head was measured. */
  get rate(): number {
    return 1000 / Math.max(this.ms, 1e-3);
  }

  async part({ layer, half }: LayerPart, loaded: LoadedPart): Promise<void> {
    const { arena } = this;
    // Measuring takes less than what is there otherwise: nothing is planned for it.
    arena.freeWorkspace();
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    const { weight } = half === 'mlp' ? layer.mlp.up_proj : layer.attention.q_proj;
    await this.time(() => arena.free(loaded.run(this.row(weight.shape[1]), table, undefined, 1)));
    // Of one row: what comes next has many.
    arena.freeWorkspace();
    this.rotary.free();
  }

  async block(block: HeadBlock, head: Head): Promise<void> {
    const { arena } = this;
    arena.freeWorkspace();
    const input = this.row(block.weight.shape[1]);
    const logits = arena.empty([1, block.weight.shape[0]], 'logits_block');
    await this.time(() => blockLogits(arena, head, block, input, logits));
    arena.free(input, logits);
  }

  private row(width: number) {
    const { arena } = this;
    return arena.own(arena.backend.fromArray(new Float32Array(width).fill(0.1), [1, width], 'token_states'));
  }

  /** Adds the least time of a few tries. */
  private async time(run: () => void): Promise<void> {
    const { backend } = this.arena;
    const started = performance.now();
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= TRIES; i++) {
      await backend.sync();
      const begun = performance.now();
      run();
      await backend.sync();
      if (i > 0) least = Math.min(least, performance.now() - begun);
    }
    this.ms += least;
    this.spent += performance.now() - started;
  }
}
