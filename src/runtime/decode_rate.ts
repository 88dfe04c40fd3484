/**
 * @file How fast a model gives one token after another: products of a single row, layer by layer with its weights on the
 * device, so that reading them from where they wait does not count. Attention over the tokens before is left out: there is no
 * cache of keys and values here, and its share of a short text is small. Measured while an evaluation has the weights anyway.
 */
import type { Head, WeightRef } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { blockLogits, type HeadBlock } from './head.ts';
import type { LayerPart, LoadedPart } from './layer_parts.ts';
import { RotaryCache } from './model_pass.ts';

/** Tries of each product, after one that pays for compiling. */
const TRIES = 3;
/** Layers of one kind that are measured: those behind them take as long as the quickest of these. */
const MEASURED = 4;
/** On a software adapter, where four would take as long as the group of windows beside which they are measured. */
const SOFTWARE_MEASURED = 1;

export class DecodeMeter {
  private readonly rotary: RotaryCache;
  private ms = 0;
  private spent = 0;
  /** Of each kind of part: how many were measured, and the least milliseconds. */
  private readonly kinds = new Map<string, { count: number; least: number }>();

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

  async part({ layer, half, weights }: LayerPart, loaded: LoadedPart): Promise<void> {
    const { arena } = this;
    // Measuring takes less than what is there otherwise: nothing is planned for it.
    arena.freeWorkspace();
    const table = layer.attention.rotary && this.rotary.get(layer.attention.rotary);
    const { weight } = half === 'mlp' ? layer.mlp.up_proj : layer.attention.q_proj;
    await this.time(kindOf(weights), () => arena.free(loaded.run(this.row(weight.shape[1]), table, undefined, 1)));
    // Of one row: what comes next has many.
    arena.freeWorkspace();
    this.rotary.free();
  }

  async block(block: HeadBlock, head: Head): Promise<void> {
    const { arena } = this;
    arena.freeWorkspace();
    const input = this.row(block.weight.shape[1]);
    const logits = arena.empty([1, block.weight.shape[0]], 'logits_block');
    const kind = `head ${block.weight.shape}`;
    await this.time(kind, () => blockLogits(arena, head, block, input, logits));
    arena.free(input, logits);
  }

  private row(width: number) {
    const { arena } = this;
    return arena.own(arena.backend.fromArray(new Float32Array(width).fill(0.1), [1, width], 'token_states'));
  }

  /** Adds the least time of a few tries, or what others of this kind took. */
  private async time(kind: string, run: () => void): Promise<void> {
    const { backend } = this.arena;
    const known = this.kinds.get(kind);
    if (known && known.count >= (backend.info.isFallbackAdapter ? SOFTWARE_MEASURED : MEASURED)) {
      this.ms += known.least;
      return;
    }
    const started = performance.now();
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= TRIES; i++) {
      await backend.sync();
      const begun = performance.now();
      run();
      await backend.sync();
      if (i > 0) least = Math.min(least, performance.now() - begun);
    }
    this.kinds.set(kind, { count: (known?.count ?? 0) + 1, least: Math.min(least, known?.least ?? least) });
    this.ms += least;
    this.spent += performance.now() - started;
  }
}

/** What weights of the same sizes, held alike, have in common. */
function kindOf(weights: readonly (WeightRef | undefined)[]): string {
  return weights.map((ref) => ref && `${ref.dtype} ${JSON.stringify(ref.packed) ?? ''} ${ref.shape}`).join(', ');
}
