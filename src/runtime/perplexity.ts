/**
 * @file Perplexity, window by window: exp(mean over all predicted tokens of −log p), T − 1 predictions a window.
 */

import type { Backend, Tensor } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel, Head } from '../models/decoder_model.ts';
import { type Arena, withArena } from './arena.ts';
import { firstGroup, GROUP_GROWTH, mostWindowsPerGroup } from './budgets.ts';
import { DecodeMeter } from './decode_rate.ts';
import { allLogits, type HeadBlock, type HeadOptions, headInputs, tokenLosses } from './head.ts';
import { locateNonFinite } from './locate_non_finite.ts';
import { runLayers } from './model_pass.ts';
import { WeightLoader } from './weights.ts';
import { batchesOf, batchIds, rowsPerBatch, type TokenWindows, type WindowBatch, windowsPerBatch } from './windows.ts';

export interface WindowLoss {
  index: number;
  /** Mean loss of this window's T − 1 predictions, in nats. */
  loss: number;
}

export interface Evaluation {
  windows: WindowLoss[];
  /**
   * Tokens that went through the model, per second of wall time. The first group is left out where there is another: it
   * also pays for compiling shaders and checking weights, and so would make the model that is measured first look slow.
   */
  tokens_per_second: number;
  /** One token after another; where it was asked for. */
  decode_tokens_per_second?: number;
}

export interface EvaluateOptions {
  signal?: AbortSignal;
  /** Counts NaN and infinite weights of the model while it is read. */
  checkWeights?: boolean;
  onWindow?(window: WindowLoss): void;
  /** Share of all windows × layers done. */
  onProgress?(fraction: number, layer: number): void;
  /**
   * Gets what the head reads of each batch of a group, norm(h)·projection, (rows, d), before the losses are computed; the
   * tensors stay the arena's. Its time does not count as the model's. Losses that it gives are taken as they are.
   */
  onHeadInputs?(
    arena: Arena,
    inputs: readonly Tensor[],
    batches: readonly WindowBatch[],
    onBlock: ((block: HeadBlock, head: Head) => Promise<void>) | undefined,
  ): Promise<GroupLosses | undefined>;
  /** Gets what the head reads of each of the first {@link KEPT_WINDOWS}, (seqlen, d), where that are not more than {@link MOST_KEPT} numbers. */
  onHeadInput?(window: number, values: Float32Array): void;
  /** As `onLogits` of the head ({@link HeadOptions}), where the head is not taken by `onHeadInputs`. */
  onLogits?(arena: Arena, batch: WindowBatch, logits: Tensor, state: Tensor): void;
  /** Measures how fast the model gives one token after another, too, while the first group has its weights. */
  measuresDecoding?: boolean;
  /**
   * Tokens that such models are known to go through in a second. On a CPU, which has nothing to compile, several windows begin
   * together where that is soon.
   */
  expected_rate?: number;
}

/** One for each build that a file may be run in. */
export const KEPT_WINDOWS = 2;
/** 4 MB a window: little enough to be kept for every run. */
const MOST_KEPT = 2 ** 20;

/** −log p of the target of each row of each batch, in nats, and the milliseconds of the model's head that they took. */
export interface GroupLosses {
  losses: readonly Float64Array[];
  ms: number;
}

/**
 * A group of windows goes through the whole model together and streams every weight once. Groups start at one window, or at some
 * that are known to be fast, so that the first number comes soon, and grow until one takes about this long: then streaming costs little. (At 3 s a model
 * of 135 M went through two threads window by window, and as much time went into decoding its weights as into products.)
 */
const GROUP_TARGET_MS = 15_000;
/** The first number is there so soon, or one window alone brings it. */
const SOON_MS = 12_000;

/**
 * Losses of all windows, reported as soon as each is known.
 * @throws `non_finite_weights`, `non_finite_activations`, `cancelled`, and what the backend throws.
 */
export async function evaluate(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const results: WindowLoss[] = [];
  const groups: { tokens: number; ms: number }[] = [];
  const most = mostWindowsPerGroup(windows.seqlen, model.config.hidden_size);
  const together = windowsPerBatch(windows, rowsPerBatch(backend.info, model.config));
  const begun = firstGroup(windows.count, windows.seqlen, model.config.hidden_size);
  const expected_ms = (1000 * begun * windows.seqlen) / (options.expected_rate ?? 0);
  let group = backend.info.kind === 'cpu' && expected_ms <= SOON_MS ? begun : 1;
  let decode: number | undefined;
  while (results.length < windows.count) {
    throwIfCancelled(options.signal);
    const first = results.length;
    const count = Math.min(group, windows.count - first);
    const started = performance.now();
    const found = await evaluateGroup(backend, model, windows, first, count, {
      ...options,
      checkWeights: options.checkWeights && first === 0,
      measuresDecoding: options.measuresDecoding && first === 0,
      onProgress: (fraction, layer) => options.onProgress?.((first + fraction * count) / windows.count, layer),
    });
    decode ??= found.decode;
    found.losses.forEach((loss, i) => {
      const window = { index: first + i, loss };
      results.push(window);
      options.onWindow?.(window);
    });
    const elapsed = Math.max(1, performance.now() - started - found.aside_ms);
    groups.push({ tokens: count * windows.seqlen, ms: elapsed });
    group = nextGroup(count, elapsed, most, windows.count - results.length, together);
  }
  return {
    windows: results,
    tokens_per_second: steadyRate(groups),
    ...(decode !== undefined && { decode_tokens_per_second: decode }),
  };
}

/**
 * Windows of the group behind one of `count`, which took so many milliseconds. A few that would be left over go with it. Of others
 * whole batches: they run as well as larger ones, and are the same however long a group took.
 * @param together Windows of a batch.
 */
function nextGroup(count: number, elapsed: number, most: number, left: number, together: number): number {
  const fit = Math.max(1, Math.round((count * GROUP_TARGET_MS) / elapsed));
  const group = Math.min(GROUP_GROWTH * count, most, left <= 1.5 * fit ? left : fit);
  return group < left && group > together ? group - (group % together) : group;
}

function steadyRate(groups: readonly { tokens: number; ms: number }[]): number {
  const steady = groups.length > 1 ? groups.slice(1) : groups;
  const sum = (key: 'tokens' | 'ms') => steady.reduce((total, group) => total + group[key], 0);
  return (1000 * sum('tokens')) / sum('ms');
}

interface GroupResult {
  /** Mean loss of each window. */
  losses: number[];
  /** Milliseconds of what is no part of the measured pass. */
  aside_ms: number;
  decode?: number;
}

async function evaluateGroup(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  first: number,
  count: number,
  options: EvaluateOptions,
): Promise<GroupResult> {
  const { signal, onHeadInputs } = options;
  const group = await withArena(backend, async (arena): Promise<GroupResult> => {
    const loader = new WeightLoader(arena, options.checkWeights, true);
    const meter = options.measuresDecoding ? new DecodeMeter(arena) : undefined;
    const onBlock = meter && ((...block: Parameters<DecodeMeter['block']>) => meter.block(...block));
    const batches = batchesOf(windows, first, count, rowsPerBatch(backend.info, model.config));
    const steps = model.layers.length + 1;
    const observer = {
      onWeights: meter?.part.bind(meter),
      onLayer: async (layer: number) => {
        await loader.assertFinite();
        options.onProgress?.((layer + 1) / steps, layer);
      },
    };
    const hidden = await runLayers(arena, loader, model, windows, batches, observer, signal);
    const targets = batches.map((batch) => nextTokens(windows, batch));
    const inputs = await headInputs(arena, loader, model, hidden);
    let aside_ms = meter?.spent_ms ?? 0;
    if (onHeadInputs) await backend.sync();
    aside_ms += await tellHeadInputs(backend, inputs, batches, windows.seqlen, options);
    const begun = performance.now();
    const given = await onHeadInputs?.(arena, inputs, batches, onBlock);
    if (onHeadInputs) aside_ms += performance.now() - begun - (given?.ms ?? 0);
    if (given) arena.free(...inputs);
    const before = meter?.spent_ms ?? 0;
    const onLogits: HeadOptions['onLogits'] = (i, ...kept) => options.onLogits?.(arena, batches[i], ...kept);
    const headOptions = { signal, onBlock, onLogits };
    const losses = given?.losses ?? (await tokenLosses(arena, loader, model, inputs, targets, headOptions));
    aside_ms += (meter?.spent_ms ?? 0) - before;
    await loader.assertFinite();
    options.onProgress?.(1, model.layers.length);
    const means = batches.flatMap((batch, i) => windowMeans(losses[i], windows.seqlen, batch));
    return { losses: means, aside_ms, ...(meter && { decode: meter.rate }) };
  });
  const bad = group.losses.findIndex((mean) => !Number.isFinite(mean));
  if (bad >= 0) throw await nonFinite(backend, model, windows, first + bad, signal);
  return group;
}

/** @param inputs Of each batch. @returns How long it took, in milliseconds. */
async function tellHeadInputs(
  backend: Backend,
  inputs: readonly Tensor[],
  batches: readonly WindowBatch[],
  seqlen: number,
  { onHeadInput }: EvaluateOptions,
): Promise<number> {
  const size = seqlen * inputs[0].shape[1];
  if (!onHeadInput || size > MOST_KEPT) return 0;
  const begun = performance.now();
  for (const [i, { first, count }] of batches.entries()) {
    const kept = Math.min(first + count, KEPT_WINDOWS) - first;
    if (kept <= 0) break;
    const values = await backend.read(inputs[i]);
    for (let window = 0; window < kept; window++) {
      onHeadInput(first + window, new Float32Array(values.subarray(window * size, (window + 1) * size)));
    }
  }
  return performance.now() - begun;
}

/** A perplexity that is none, with the place where the activations stopped being numbers. */
async function nonFinite(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  window: number,
  signal?: AbortSignal,
): Promise<WhittleError> {
  const place = await locateNonFinite(backend, model, windows, window, signal);
  const where = place
    ? `${place.name}${place.layer === undefined ? '' : ` of layer ${place.layer}`}, channel ${place.channel}, at token ${place.token + 1} of window ${window + 1}`
    : `the logits of window ${window + 1}`;
  return new WhittleError({
    code: 'non_finite_activations',
    message: `Activations overflow or are NaN: first in ${where}.`,
    place: place?.layer === undefined ? {} : { layer: place.layer },
    action:
      'Check the weights there. Try the CPU backend; if that fails too, the model itself gives NaN on this text and cannot be measured.',
  });
}

/** The token after each row; the last row of a window predicts nothing and gets its own token, ignored later. */
export function nextTokens(windows: TokenWindows, batch: WindowBatch): Uint32Array {
  const ids = batchIds(windows, batch);
  return ids.map((id, row) => ((row + 1) % windows.seqlen === 0 ? id : ids[row + 1]));
}

function windowMeans(losses: Float64Array, seqlen: number, batch: WindowBatch): number[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const window = losses.subarray(i * seqlen, (i + 1) * seqlen - 1);
    return window.reduce((sum, loss) => sum + loss, 0) / window.length;
  });
}

/** Logits of the first window, (seqlen, vocab_size), for comparison with an export. */
export function firstWindowLogits(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return windowLogits(backend, model, windows, 0, signal);
}

/** The same of a window by its index. */
export async function windowLogits(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  window: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return withArena(backend, async (arena) => {
    // Whoever compares logits looks for the least difference.
    const loader = new WeightLoader(arena, false, !backend.info.roundsInputs);
    const [hidden] = await runLayers(arena, loader, model, windows, [{ first: window, count: 1 }], {}, signal);
    const [input] = await headInputs(arena, loader, model, [hidden]);
    return allLogits(arena, loader, model, input, signal);
  });
}

/** The same from what the head reads of that window, as `onHeadInput` gave it, (seqlen, d). */
export async function logitsOfInput(
  backend: Backend,
  model: DecoderModel,
  values: Float32Array,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const [, width] = model.lm_head.weight.shape;
  return withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, !backend.info.roundsInputs);
    const input = arena.own(backend.fromArray(values, [values.length / width, width], 'head_input'));
    return allLogits(arena, loader, model, input, signal);
  });
}

export interface PerplexitySummary {
  perplexity: number;
  /**
   * Standard error of the mean loss over windows: the perplexity is known to about × (1 ± this). Null for one window, which
   * tells nothing about another.
   */
  relative_spread: number | null;
}

/** exp(mean loss) and its spread; every window has equally many predictions. */
export function summarize(losses: readonly number[]): PerplexitySummary {
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const squares = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0);
  return {
    perplexity: Math.exp(mean),
    relative_spread: losses.length > 1 ? Math.sqrt(squares / (losses.length - 1) / losses.length) : null,
  };
}
