/**
 * @file A text that grows by some tokens at a time, with the keys and values of all before kept on the device: what one more
 * token costs is a product of a single row with each weight, and attention over the keys.
 */
import type { Tensor } from '../../backend/backend.ts';
import { breather, throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { embedTokens } from '../embed.ts';
import type { KeptKeys } from '../forward.ts';
import { runLayer } from '../layer_parts.ts';
import { RotaryCache } from '../model_pass.ts';
import { ResidentWeights } from './resident.ts';

/** Rows that a cache begins with; it doubles as the text grows. */
const FIRST_ROWS = 64;

export class GrowingText {
  private readonly weights: ResidentWeights;
  private readonly caches = new Map<DecoderLayer, KeptKeys>();
  private past = 0;

  /**
   * @param total Tokens that the text may come to: rotary embeddings that choose their frequencies by length choose by this one.
   * @param resident Bytes of weights that stay on the device; or weights that several texts share, one after another.
   */
  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly total: number,
    resident?: number | ResidentWeights,
  ) {
    this.weights = resident instanceof ResidentWeights ? resident : new ResidentWeights(arena, model, resident);
  }

  /** Tokens so far. */
  get length(): number {
    return this.past;
  }

  /**
   * Puts tokens behind the text.
   * @returns Logits of the token after them, (vocabulary).
   * @throws `cancelled`; the text is of no use then.
   */
  async append(ids: Uint32Array, signal?: AbortSignal): Promise<Float32Array> {
    const { arena, model, past, weights } = this;
    const seqlen = ids.length;
    if (seqlen === 0 || past + seqlen > this.total) throw new RangeError(`${past} + ${seqlen} of ${this.total} tokens`);
    let x: Tensor | undefined;
    const take = async (states: Tensor) => {
      x = states;
    };
    await embedTokens(arena, weights.loader, model.embed_tokens, [ids], seqlen, take, past);
    const rotary = new RotaryCache(arena, seqlen, { first: past, total: this.total });
    const breathe = breather(signal);
    for (const layer of model.layers) {
      throwIfCancelled(signal);
      const kept = this.cache(layer, past + seqlen);
      const table = layer.attention.rotary && rotary.get(layer.attention.rotary);
      const before = x as Tensor;
      x = await weights.withLayer(layer, (loaded) =>
        runLayer(arena, layer, loaded, table, seqlen, before, undefined, kept),
      );
      // So that a slow device can be stopped between layers; a fast one gets the whole token at once.
      if (seqlen > 1) await arena.backend.sync();
      else await breathe();
    }
    this.past = past + seqlen;
    const logits = await weights.logits(lastRow(arena, x as Tensor));
    rotary.free();
    return logits;
  }

  /** Lets go of its keys and values: before another text of the same arena. */
  free(): void {
    for (const { key, value } of this.caches.values()) this.arena.free(key, value);
    this.caches.clear();
  }

  /** Room for so many rows. */
  private cache(layer: DecoderLayer, rows: number): KeptKeys {
    const { arena, past } = this;
    const there = this.caches.get(layer);
    if (there && there.key.shape[0] >= rows) return this.keep(layer, { ...there, past });
    const { num_key_value_heads, head_dim } = layer.attention;
    const held = there?.key.shape[0] ?? FIRST_ROWS;
    const capacity = Math.min(this.total, Math.max(rows, 2 * held));
    const grown = (name: 'key' | 'value') => {
      const tensor = arena.empty([capacity, num_key_value_heads * head_dim], `kept_${name}.${layer.index}`);
      if (there) arena.backend.write_rows({ source: there[name], output: tensor, first_row: 0 });
      arena.free(there?.[name]);
      return tensor;
    };
    return this.keep(layer, { key: grown('key'), value: grown('value'), past });
  }

  private keep(layer: DecoderLayer, kept: KeptKeys): KeptKeys {
    this.caches.set(layer, kept);
    return kept;
  }
}

/** States of the last token alone: the head is the costly part. The given tensor is used up. */
function lastRow(arena: Arena, states: Tensor): Tensor {
  const [rows, columns] = states.shape;
  if (rows === 1) return states;
  const input_ids = arena.own(arena.backend.fromIds([rows - 1], 'last_token'));
  const output = arena.empty([1, columns], 'last_hidden_states');
  arena.backend.embedding({ input_ids, weight: states, first_row: 0, output });
  arena.free(input_ids, states);
  return output;
}
