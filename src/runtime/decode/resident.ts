/**
 * @file Weights that stay on the device from one token to the next, as far as memory allows; the others are loaded again for
 * every token.
 */

import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import {
  blockLogits,
  type HeadBlock,
  headInput,
  loadHeadBlock,
  type VocabularyBlock,
  vocabularyBlocks,
} from '../head.ts';
import { type DeviceLayer, type DeviceNorm, freeDeviceLayer, WeightLoader } from '../weights.ts';

/** Bytes of weights that one text keeps on the device, unless told otherwise. */
export const RESIDENT_BYTES = 2 ** 30;

export class ResidentWeights {
  private readonly layers = new Map<DecoderLayer, DeviceLayer>();
  private readonly blocks = new Map<number, HeadBlock>();
  private norm?: DeviceNorm;
  private projection?: Tensor;
  private kept = 0;

  /**
   * @param most Bytes of weights that stay.
   * @param loader Absent: weights as they are stored, packed ones packed.
   */
  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly most = RESIDENT_BYTES,
    readonly loader = new WeightLoader(arena, false, true),
  ) {}

  /** Does something with a layer's weights. */
  async withLayer<T>(layer: DecoderLayer, use: (weights: DeviceLayer) => T): Promise<T> {
    const there = this.layers.get(layer);
    if (there) return use(there);
    const { result: weights, stays } = await this.measured(() => this.loader.layer(layer));
    const found = use(weights);
    if (stays) this.layers.set(layer, weights);
    else freeDeviceLayer(this.arena, weights);
    return found;
  }

  /** Logits of one token, (vocabulary). @param hidden_states (1, d) after the last layer; freed. */
  async logits(hidden_states: Tensor): Promise<Float32Array> {
    const { arena, model } = this;
    const input = await this.headInput(hidden_states);
    const all = new Float32Array(model.lm_head.weight.shape[0]);
    for (const range of vocabularyBlocks(arena, model.lm_head, 1)) {
      const { block, stays } = await this.block(range);
      const logits = arena.workspace(`logits.${range.end - range.start}`, [1, range.end - range.start]);
      blockLogits(arena, model.lm_head, block, input, logits);
      all.set(await arena.backend.read(logits), range.start);
      if (!stays) arena.free(block.weight, block.bias);
    }
    arena.free(input);
    return all;
  }

  private async headInput(hidden_states: Tensor): Promise<Tensor> {
    const { arena, model, loader } = this;
    this.norm ??= await loader.norm(model.norm);
    const { projection } = model.lm_head;
    if (projection) this.projection ??= await loader.load(projection);
    return headInput(arena, this.norm, this.projection, hidden_states);
  }

  private async block(range: VocabularyBlock): Promise<{ block: HeadBlock; stays: boolean }> {
    const there = this.blocks.get(range.start);
    if (there) return { block: there, stays: true };
    const { result, stays } = await this.measured(() => loadHeadBlock(this.loader, this.model.lm_head, range));
    if (stays) this.blocks.set(range.start, result);
    return { block: result, stays };
  }

  /** Loads something, and whether it may stay. */
  private async measured<T>(load: () => Promise<T>): Promise<{ result: T; stays: boolean }> {
    const { memory } = this.arena.backend;
    const before = memory.currentBytes;
    const result = await load();
    const bytes = memory.currentBytes - before;
    const stays = this.kept + bytes <= this.most;
    if (stays) this.kept += bytes;
    return { result, stays };
  }
}
