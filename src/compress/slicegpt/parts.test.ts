import { describe, expect, it } from 'vitest';
import { type ModelShape, slicedParts, totalElements } from './parts.ts';
import { checkDimensions, constantDimensions, type HeadKind, sliceDimension } from './plan.ts';

const NONE = { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };

/** facebook/opt-125m: LayerNorm, biases everywhere, 2,048 + 2 learned positions, embedding and head tied. */
const OPT_125M: ModelShape = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  query_size: 768,
  key_value_size: 768,
  vocab_size: 50272,
  tied: true,
  parallel: false,
  gated: false,
  attention_bias: { q: true, k: true, v: true, o: true },
  mlp_bias: { gate: false, up: true, down: true },
  layer_norm: true,
  norm_bias: true,
  final_norm: { weight: true, bias: true },
  head_bias: false,
  position_rows: 2050,
  embedding_norm: 0,
  head_norms: 0,
  bytes_per_element: 2,
  dense: NONE,
};

/** microsoft/phi-2: parallel blocks, one LayerNorm, biases everywhere, an untied head with a bias. */
const PHI_2: ModelShape = {
  ...OPT_125M,
  hidden_size: 2560,
  intermediate_size: 10240,
  num_hidden_layers: 32,
  query_size: 2560,
  key_value_size: 2560,
  vocab_size: 51200,
  tied: false,
  parallel: true,
  head_bias: true,
  position_rows: 0,
};

function count(shape: ModelShape, sparsity: number, head: HeadKind): number {
  const dimension = sliceDimension(shape.hidden_size, sparsity, 8);
  return totalElements(slicedParts(shape, constantDimensions(shape, dimension, head), head));
}

describe('parameters of a sliced model', () => {
  it('are the published ones of the official code (its own tests): opt-125m and Phi-2 at 20 %', () => {
    expect(count(OPT_125M, 0.2, 'untied')).toBe(147_250_880);
    expect(count(PHI_2, 0.2, 'untied')).toBe(2_391_772_160);
  });

  it('tied instead of untied: V·d less, D·d more, and the final norm instead of a head bias', () => {
    const [V, D, d] = [50272, 768, 608];
    const saved = V * d - D * d - 2 * D + V;
    expect(count(OPT_125M, 0.2, 'untied') - count(OPT_125M, 0.2, 'tied')).toBe(saved);
  });

  it('follow every dimension of a schedule', () => {
    const dimensions = constantDimensions(PHI_2, 2048, 'untied');
    const total = totalElements(slicedParts(PHI_2, dimensions, 'untied'));
    const narrower = dimensions.map((d, site) => (site === 5 ? d - 8 : d));
    const { intermediate_size: F, query_size: q } = PHI_2;
    // Layer 4 writes site 5 (o_proj, down_proj, their biases, its shortcut), layer 5 reads it (q, k, v, up, its shortcut).
    const saved = 8 * (q + F + 2 + 2048) + 8 * (3 * q + F + 2048);
    expect(total - totalElements(slicedParts(PHI_2, narrower, 'untied'))).toBe(saved);
  });
});

describe('a schedule of dimensions', () => {
  it('has one entry a site: 2L + 1, or L + 1 for parallel blocks', () => {
    expect(constantDimensions(OPT_125M, 608, 'untied')).toHaveLength(25);
    expect(constantDimensions(PHI_2, 2048, 'sliced')).toEqual(new Array(33).fill(2048));
  });

  it.each([
    ['of another length', [608], /1 dimensions were given/],
    ['with a site too wide', new Array(25).fill(608).fill(769, 3, 4), /site 3 is 769/],
    ['with a fraction', new Array(25).fill(608).fill(1.5, 0, 1), /site 0 is 1\.5/],
    ['that cuts the last site of a head that is not sliced', new Array(25).fill(608), /last dimension is 608/],
  ])('%s is refused', (_, dimensions, message) => {
    expect(() => checkDimensions(OPT_125M, dimensions, 'tied')).toThrowError(message);
  });
});
