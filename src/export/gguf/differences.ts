/**
 * @file Where llama.cpp computes something else than a model that its graph expresses: what a file says so that it is right
 * within its own context, and what people are told. `test/llama_cpp.test.ts` holds this to what a llama.cpp computed.
 */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { ModelOutline } from '../../models/decoder_model.ts';
import { graphNotes } from '../notes.ts';
import type { GgufGraph } from './graphs.ts';
import { windowsOf } from './layer_facts.ts';

/** Tokens that a file names as its context: as many as llama.cpp computes as the model does. */
export function contextLength(model: ModelOutline, graph: GgufGraph): number {
  // llama.cpp takes the rows of learned positions for the context.
  const own = model.embed_tokens.positions?.weight.shape[0] ?? model.config.max_position_embeddings;
  return Math.min(own, ignoredWindow(model, graph) ?? own);
}

/** The sliding window that llama.cpp leaves out, in tokens. */
export function ignoredWindow(model: ModelOutline, { windows }: GgufGraph): number | undefined {
  return windows === 'ignored' ? windowsOf(model).find((size) => size !== undefined) : undefined;
}

/** One sentence or two for people on each difference. */
export function differenceNotes(model: ModelOutline, graph: GgufGraph, raw: RawConfig): string[] {
  const { architecture } = graph;
  const { max_position_embeddings: context } = model.config;
  const notes: string[] = [];
  const window = ignoredWindow(model, graph);
  if (window !== undefined && window < context) {
    notes.push(
      `llama.cpp's graph of ${architecture} ignores the sliding window of ${window} tokens. The file names a context of ${window} tokens instead of ${context}: within it llama.cpp computes what the model does, beyond it something else.`,
    );
  }
  const long = model.layers.map(({ attention }) => attention.rotary?.long).find((each) => each !== undefined);
  if (graph.rope_tables === 'short_and_long' && long && long.beyond < context) {
    notes.push(
      `llama.cpp chooses LongRoPE's frequencies by the context that it is started with, not by the length of the text: start it with at most ${long.beyond} tokens of context (-c ${long.beyond}) for texts that fit, and with more only for longer ones.`,
    );
  }
  notes.push(...graphNotes(raw));
  return notes;
}
