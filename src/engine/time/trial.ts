/** @file What trials of the first layer share: models cut short, the first windows of a text, and a stopwatch. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { TokenWindows } from '../../runtime/windows.ts';

/** Embedding, the first layers, head. */
export function firstLayers(model: DecoderModel, count: number): DecoderModel {
  return { ...model, layers: model.layers.slice(0, count) };
}

export function firstWindows(windows: TokenWindows, count: number): TokenWindows {
  const kept = Math.min(count, windows.count);
  return { ...windows, count: kept, ids: windows.ids.subarray(0, kept * windows.seqlen) };
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
