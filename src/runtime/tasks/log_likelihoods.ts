/**
 * @file log p(continuation | context) of many texts of different lengths. Texts of about the same length go through the model
 * together, filled up behind their ends, which causal attention does not see; only the rows that predict a continuation go
 * through the head.
 */
import type { Backend, Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../arena.ts';
import { mostWindowsPerGroup } from '../budgets.ts';
import { headInputs, tokenLosses } from '../head.ts';
import { runLayers } from '../model_pass.ts';
import { WeightLoader } from '../weights.ts';
import { batchesOf, rowsPerBatch, type TokenWindows, type WindowBatch } from '../windows.ts';
import type { ScoredTokens } from './tokens.ts';

/** As in `evaluate`: a group streams every weight once, and grows until it takes about this long. */
const GROUP_TARGET_MS = 3000;

export interface LikelihoodOptions {
  signal?: AbortSignal;
  /** Share of all tokens × layers done, and texts that are scored. */
  onProgress?(fraction: number, scored: number): void;
}

/**
 * In the order of `texts`, natural logarithms.
 * @throws `cancelled`, and what the backend throws.
 */
export async function logLikelihoods(
  backend: Backend,
  model: DecoderModel,
  texts: readonly ScoredTokens[],
  { signal, onProgress }: LikelihoodOptions = {},
): Promise<Float64Array> {
  // The longest first: what takes most memory comes at once, and the time left is never underestimated.
  const order = [...texts.keys()].sort((a, b) => texts[b].inputs.length - texts[a].inputs.length || a - b);
  const all = texts.reduce((sum, { inputs }) => sum + inputs.length, 0);
  const results = new Float64Array(texts.length);
  let done = 0;
  let size = 1;
  for (let first = 0; first < order.length; ) {
    throwIfCancelled(signal);
    const longest = texts[order[first]].inputs.length;
    const most = mostWindowsPerGroup(longest, model.config.hidden_size);
    const indices = order.slice(first, first + Math.max(1, Math.min(size, most)));
    const tokens = indices.reduce((sum, i) => sum + texts[i].inputs.length, 0);
    const started = performance.now();
    const group = indices.map((i) => texts[i]);
    const scores = await groupScores(backend, model, group, signal, (share) =>
      onProgress?.((done + share * tokens) / all, first),
    );
    indices.forEach((index, i) => {
      results[index] = scores[i];
    });
    done += tokens;
    first += indices.length;
    onProgress?.(done / all, first);
    const elapsed = Math.max(1, performance.now() - started);
    size = Math.max(1, Math.min(4 * indices.length, Math.round((indices.length * GROUP_TARGET_MS) / elapsed)));
  }
  return results;
}

async function groupScores(
  backend: Backend,
  model: DecoderModel,
  group: readonly ScoredTokens[],
  signal: AbortSignal | undefined,
  onShare: (share: number) => void,
): Promise<number[]> {
  return withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, true);
    const windows = padded(group);
    const batches = batchesOf(windows, 0, windows.count, rowsPerBatch(backend.info));
    const steps = model.layers.length + 1;
    const observer = { onLayer: (layer: number) => onShare((layer + 1) / steps) };
    const hidden = await runLayers(arena, loader, model, windows, batches, observer, signal);
    const rows = batches.map((batch) => scoringRows(group, windows.seqlen, batch));
    const chosen = hidden.map((states, i) => selected(arena, states, rows[i]));
    const inputs = await headInputs(arena, loader, model, chosen);
    const targets = batches.map((batch) => targetsOf(group, batch));
    const losses = await tokenLosses(arena, loader, model, inputs, targets, { signal });
    return batches.flatMap((batch, i) => sums(losses[i], group, batch));
  });
}

/** All texts in the length of the longest; what is behind a text's end changes nothing of it. */
function padded(group: readonly ScoredTokens[]): TokenWindows {
  const seqlen = Math.max(...group.map(({ inputs }) => inputs.length));
  const ids = new Uint32Array(seqlen * group.length);
  for (const [i, { inputs }] of group.entries()) ids.set(inputs, i * seqlen);
  return { seqlen, count: group.length, ids, totalTokens: ids.length };
}

function textsOf(group: readonly ScoredTokens[], { first, count }: WindowBatch): readonly ScoredTokens[] {
  return group.slice(first, first + count);
}

/** Rows of a batch after which a token to be scored comes. */
function scoringRows(group: readonly ScoredTokens[], seqlen: number, batch: WindowBatch): Uint32Array {
  const rows: number[] = [];
  textsOf(group, batch).forEach(({ inputs, targets }, i) => {
    const end = i * seqlen + inputs.length;
    for (let row = end - targets.length; row < end; row++) rows.push(row);
  });
  return Uint32Array.from(rows);
}

function targetsOf(group: readonly ScoredTokens[], batch: WindowBatch): Uint32Array {
  return Uint32Array.from(textsOf(group, batch).flatMap(({ targets }) => [...targets]));
}

/** Some rows of hidden states (rows, d), which are freed. */
function selected(arena: Arena, states: Tensor, rows: Uint32Array): Tensor {
  const output = arena.empty([rows.length, states.shape[1]], 'scored_states');
  const input_ids = arena.own(arena.backend.fromIds(rows, 'scored_rows'));
  arena.backend.embedding({ input_ids, weight: states, first_row: 0, output });
  arena.free(states, input_ids);
  return output;
}

function sums(losses: Float64Array, group: readonly ScoredTokens[], batch: WindowBatch): number[] {
  let next = 0;
  return textsOf(group, batch).map(({ targets }) => {
    let sum = 0;
    for (let i = 0; i < targets.length; i++) sum -= losses[next++];
    return sum;
  });
}
