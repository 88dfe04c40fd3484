/**
 * @file Evaluation of a model beside the dense one: perplexity as ever, and how far its predictions are from the dense
 * model's on the same windows. What the dense head reads is kept from one pass of the dense model, for every run.
 */
import type { Backend } from '../backend/backend.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';
import { compareHeads, comparesWhole, type HeadPair } from './compare_heads.ts';
import { type DivergenceSummary, summarizeDivergence, type TokenDivergence, tokenDivergence } from './divergence.ts';
import { lossesOfState } from './head.ts';
import { KeptLogits, keepsLogits } from './kept_logits.ts';
import { type EvaluateOptions, type Evaluation, evaluate, nextTokens } from './perplexity.ts';
import { WeightLoader } from './weights.ts';
import type { TokenWindows } from './windows.ts';

/** What the dense head reads of every window, (seqlen, d) f32 each, in a scratch store. */
export class DenseInputs {
  /** On the device: what need not be computed from them again. */
  readonly kept = new KeptLogits();
  private readonly slots = new Map<number, ScratchSlot>();

  constructor(
    private readonly scratch: ScratchStore,
    private readonly width: number,
    private readonly seqlen: number,
  ) {}

  /** Rows of consecutive windows from `first` on. */
  async put(first: number, values: Float32Array | Float64Array): Promise<void> {
    const size = this.seqlen * this.width;
    for (let i = 0; i * size < values.length; i++) {
      const window = new Float32Array(values.subarray(i * size, (i + 1) * size));
      this.slots.set(first + i, await this.scratch.append(new Uint8Array(window.buffer)));
    }
  }

  has(window: number): boolean {
    return this.slots.has(window);
  }

  async get(first: number, count: number): Promise<{ values: Float32Array; shape: [number, number] }> {
    const size = this.seqlen * this.width;
    const values = new Float32Array(count * size);
    for (let i = 0; i < count; i++) {
      const bytes = (await (this.slots.get(first + i) as ScratchSlot).read(0, 4 * size)).slice();
      values.set(new Float32Array(bytes.buffer, 0, size), i * size);
    }
    return { values, shape: [count * this.seqlen, this.width] };
  }

  clear(): Promise<void> {
    this.kept.clear();
    this.slots.clear();
    return this.scratch.clear();
  }
}

/** Width of what a model's head reads. */
export function headWidth({ lm_head }: DecoderModel): number {
  return lm_head.weight.shape[1];
}

/** The dense model's evaluation, with its head's inputs put into `inputs`. */
export function evaluateDense(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  inputs: DenseInputs,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const onHeadInputs: EvaluateOptions['onHeadInputs'] = async (_, read, batches) => {
    for (const [i, batch] of batches.entries()) await inputs.put(batch.first, await backend.read(read[i]));
    return undefined;
  };
  const [vocabulary, columns] = model.lm_head.weight.shape;
  const onLogits: EvaluateOptions['onLogits'] = (arena, batch, logits, state) => {
    const [rows] = logits.shape;
    if (!keepsLogits(backend.info, vocabulary, columns, rows) || !inputs.kept.takes(rows, vocabulary)) return;
    arena.keep(logits);
    inputs.kept.put(batch, { logits: arena.release(logits), state: arena.release(state) });
  };
  return evaluate(backend, model, windows, { ...options, onHeadInputs, onLogits });
}

/** @param inputs Of every window of the dense model. `comparison_ms`: what it took beside evaluating the model alone. */
export async function evaluateBeside(
  backend: Backend,
  dense: DecoderModel,
  inputs: DenseInputs,
  model: DecoderModel,
  windows: TokenWindows,
  options: EvaluateOptions = {},
): Promise<{ evaluation: Evaluation; divergence: DivergenceSummary; comparison_ms: number }> {
  const tokens: TokenDivergence[] = [];
  const { seqlen } = windows;
  let comparison_ms = 0;
  const onHeadInputs: EvaluateOptions['onHeadInputs'] = async (arena, own, batches, onBlock) => {
    const begun = performance.now();
    const loader = new WeightLoader(arena, false, true);
    const heads = { dense: dense.lm_head, own: model.lm_head };
    const pairs: HeadPair[] = [];
    for (const [i, batch] of batches.entries()) {
      const targets = nextTokens(windows, batch);
      const kept = comparesWhole(arena, heads, own) ? inputs.kept.get(batch) : undefined;
      if (kept) {
        pairs.push({ dense: kept, own: own[i], targets });
        continue;
      }
      const { values, shape } = await inputs.get(batch.first, batch.count);
      pairs.push({ dense: arena.own(backend.fromArray(values, shape, 'dense_head_input')), own: own[i], targets });
    }
    const { signal } = options;
    let aside_ms = 0;
    const timed: typeof onBlock =
      onBlock &&
      (async (...block) => {
        const started = performance.now();
        await onBlock(...block);
        aside_ms += performance.now() - started;
      });
    const { states, own_ms } = await compareHeads(arena, loader, heads, pairs, { signal, onBlock: timed });
    for (const pair of pairs) if (!('logits' in pair.dense)) arena.free(pair.dense);
    for (const [i, { shape }] of own.entries()) {
      for (let row = 0; row < shape[0]; row++) {
        if ((row + 1) % seqlen !== 0) tokens.push(tokenDivergence(states[i], row));
      }
    }
    comparison_ms += performance.now() - begun - own_ms - aside_ms;
    return { losses: states.map((each) => lossesOfState(each.own)), ms: own_ms };
  };
  // Kept logits are those of the dense model's own groups.
  const expected_rate = inputs.kept.isEmpty ? options.expected_rate : undefined;
  const evaluation = await evaluate(backend, model, windows, { ...options, expected_rate, onHeadInputs });
  return { evaluation, divergence: summarizeDivergence(tokens), comparison_ms };
}
