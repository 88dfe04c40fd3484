import { describe, expect, it } from 'vitest';
import { graphNotes } from './notes.ts';

describe('graphNotes', () => {
  it.each([
    { max_position_embeddings: 2048, rope_scaling: { type: 'dynamic', factor: 2 } },
    { max_position_embeddings: 2048, rope_parameters: { rope_type: 'dynamic', factor: 2, rope_theta: 1e4 } },
    { text_config: { max_position_embeddings: 2048, rope_scaling: { rope_type: 'dynamic', factor: 2 } } },
  ])('says up to which length frequencies that depend on it hold: %j', (config) => {
    expect(graphNotes(config)).toEqual([expect.stringMatching(/at most 2048 tokens.*"dynamic"/)]);
  });

  it('says nothing where they do not', () => {
    expect(graphNotes({ max_position_embeddings: 2048, rope_scaling: null })).toEqual([]);
    expect(graphNotes({ rope_parameters: { rope_type: 'linear', factor: 2 } })).toEqual([]);
  });
});
