/** What a file says where llama.cpp's graph leaves something out, and what of a model it says at all. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { contextLength, differenceNotes, ignoredWindow } from './differences.ts';
import { type GgufGraph, graphOf } from './graphs.ts';
import { modelMetadata } from './metadata.ts';

const ofType = (model_type: string, options: Parameters<typeof tinyDecoder>[0] = {}) => {
  const model = tinyDecoder(options);
  return { ...model, config: { ...model.config, model_type } };
};
const graph = (model_type: string, more: Partial<GgufGraph> = {}): GgufGraph => ({
  ...graphOf(ofType(model_type))!,
  ...more,
});

describe('a sliding window', () => {
  // Of the second layer alone.
  const model = ofType('llama', { sliding_window: 8 });
  const context = model.config.max_position_embeddings;

  it('that is ignored bounds the context, and people are told', () => {
    const ignoring = graph('llama', { windows: 'ignored' });
    expect(ignoredWindow(model, ignoring)).toBe(8);
    expect(contextLength(model, ignoring)).toBe(8);
    const [note, ...more] = differenceNotes(model, ignoring, {});
    expect(more).toEqual([]);
    expect(note).toContain('ignores the sliding window of 8 tokens');
    expect(note).toContain(`instead of ${context}`);
  });

  it('that is computed, or that is not there, bounds nothing', () => {
    for (const [of, in_] of [
      [model, graph('llama', { windows: 'every_second' })],
      [ofType('llama'), graph('llama', { windows: 'ignored' })],
    ] as const) {
      expect(ignoredWindow(of, in_)).toBeUndefined();
      expect(contextLength(of, in_)).toBe(context);
      expect(differenceNotes(of, in_, {})).toEqual([]);
    }
  });

  it('as long as the context is no difference', () => {
    const wide = ofType('llama', { sliding_window: context });
    expect(differenceNotes(wide, graph('llama', { windows: 'ignored' }), {})).toEqual([]);
  });
});

it('frequencies that hang on the length are told of where they matter', () => {
  const long = { beyond: 16, frequencies: [1, 0.5, 0.25] };
  const model = ofType('phi3', { rotary: { long } as never });
  const notes = (beyond: number, rope_tables: GgufGraph['rope_tables']) => {
    const layers = model.layers.map((layer) => ({
      ...layer,
      attention: { ...layer.attention, rotary: { ...layer.attention.rotary!, long: { ...long, beyond } } },
    }));
    return differenceNotes({ ...model, layers } as never, graph('llama', { ...(rope_tables && { rope_tables }) }), {});
  };
  expect(notes(16, 'short_and_long')[0]).toContain('-c 16');
  expect(notes(16, 'freqs')).toEqual([]);
  expect(notes(model.config.max_position_embeddings, 'short_and_long')).toEqual([]);
});

describe('metadata', () => {
  const keysOf = (model_type: string, options: Parameters<typeof tinyDecoder>[0], more: Partial<GgufGraph> = {}) => {
    const model = ofType(model_type, options);
    const own = graph(model_type, more);
    const found = modelMetadata(model, { graph: own });
    return (key: string) => (found.get(`${own.architecture}.${key}`) as { value: unknown } | undefined)?.value;
  };

  it('has caps where the model has them', () => {
    const capped = keysOf('gemma2', { soft_cap: 50, head_soft_cap: 30 });
    expect([capped('attn_logit_softcapping'), capped('final_logit_softcapping')]).toEqual([50, 30]);
    const plain = keysOf('gemma2', {});
    expect([plain('attn_logit_softcapping'), plain('final_logit_softcapping')]).toEqual([undefined, undefined]);
  });

  it('has scales and multipliers where the graph takes them free', () => {
    const options = { residual_multiplier: 0.5, embedding_scale: 12, head_scale: 0.125 };
    const free = keysOf('granite', options);
    expect(['residual_scale', 'embedding_scale', 'logit_scale'].map(free)).toEqual([0.5, 12, 8]);
    expect(free('attention.scale')).toBeCloseTo(6 ** -0.5, 12);
    const ones = keysOf('granite', {});
    expect(['residual_scale', 'embedding_scale', 'logit_scale'].map(ones)).toEqual([1, 1, 1]);
    const none = keysOf('llama', options);
    expect(['residual_scale', 'embedding_scale', 'logit_scale', 'attention.scale'].map(none)).toEqual(
      new Array(4).fill(undefined),
    );
  });

  it('has the sizes of the model, its window and its order', () => {
    const key = keysOf('llama', { kv_heads: 2, sliding_window: 8 });
    expect(['vocab_size', 'embedding_length', 'block_count', 'feed_forward_length'].map(key)).toEqual([61, 24, 2, 40]);
    expect(
      ['head_count', 'head_count_kv', 'key_length', 'sliding_window'].map((each) => key(`attention.${each}`)),
    ).toEqual([4, 2, 6, 8]);
    expect(key('attention.layer_norm_rms_epsilon')).toBeGreaterThan(0);
    expect(key('attention.layer_norm_epsilon')).toBeUndefined();
    expect(keysOf('llama', { norm: 'layer_norm', norm_weights: true })('attention.layer_norm_epsilon')).toBeGreaterThan(
      0,
    );
    expect(keysOf('llama', {})('attention.sliding_window')).toBeUndefined();
    expect(keysOf('phi3', {})('attention.sliding_window')).toBe(0);
    const both = { orders: ['sequential', 'two_norms'] } as const;
    expect(keysOf('llama', {}, both)('use_parallel_residual')).toBe(false);
    expect(keysOf('llama', { parallel: 'two_norms' }, both)('use_parallel_residual')).toBe(true);
    expect(keysOf('llama', {})('use_parallel_residual')).toBeUndefined();
  });
});
