/** What a slicing is told to need, by properties of any model; figures against measured ones are in test/memory_estimate.test.ts. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { UNSLICED_LAST } from '../../../test/onnx/variants.ts';
import { estimateSlicing } from './estimate.ts';
import { modelShape } from './model_shape.ts';
import { isSliced } from './permits.ts';
import { constantDimensions, type HeadKind, type Schedule } from './plan.ts';

const backend = { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 30 } as const;
const windows = { seqlen: 32, samples: 8, eval_samples: 2 };

describe.each<[Schedule, 'two_norms' | undefined]>([
  ['sequential', undefined],
  ['rotate-once', undefined],
  ['sequential', 'two_norms'],
  ['rotate-once', 'two_norms'],
])('slicing %s, layers in parallel: %s', (schedule, parallel) => {
  const estimate = (layers: number, head: HeadKind = 'untied') => {
    const tiny = modelShape(tinyDecoder({ ...(parallel && { parallel }) }));
    // Wide enough that weights of a layer outweigh all else: one that is kept too long shows.
    const shape = { ...tiny, intermediate_size: 50_000, num_hidden_layers: layers };
    return estimateSlicing(shape, {
      backend,
      windows,
      schedule,
      head,
      dimensions: constantDimensions(shape, 16, head),
    });
  };

  it('needs the same room on the device for any number of layers', () => {
    // The planner looks at the first layers, the last, and others that differ: one of one, three of sixty.
    const [few, many] = [estimate(1).device_bytes, estimate(60).device_bytes];
    expect(few).toBeGreaterThan(0);
    expect(many / few).toBeLessThan(1.01);
    expect(many / few).toBeGreaterThan(0.99);
  });

  it('stores weights, and bases that are kept, by the layer', () => {
    const [a, b, c] = [2, 3, 4].map((layers) => estimate(layers).storage);
    expect(c.weights - b.weights).toBe(b.weights - a.weights);
    expect(b.weights).toBeGreaterThan(a.weights);
    expect(c.bases - b.bases).toBe(b.bases - a.bases);
    expect(a.bases > 0).toBe(schedule === 'rotate-once');
  });
});

it.each([undefined, 'two_norms'] as const)('slices a layer in the same room by either schedule: %s', (parallel) => {
  // Next to no text, and a layer's MLP larger than all else: what is left is slicing it.
  const shape = { ...modelShape(tinyDecoder({ ...(parallel && { parallel }) })), intermediate_size: 50_000 };
  const [one, other] = (['sequential', 'rotate-once'] as const).map((schedule) => {
    const dimensions = constantDimensions(shape, 16, 'untied');
    const least = { seqlen: 2, samples: 1, eval_samples: 1 };
    return estimateSlicing(shape, { backend, windows: least, schedule, head: 'untied', dimensions }).device_bytes;
  });
  expect(one / other).toBeGreaterThan(0.99);
  expect(one / other).toBeLessThan(1.01);
});

describe('a sliced model', () => {
  const dense = tinyDecoder();
  const sliced = tinyDecoder({ dimensions: UNSLICED_LAST, head: 'untied' });

  it('is one that has a shortcut of either kind or a projection, and no other', () => {
    expect([isSliced(dense), isSliced(sliced)]).toEqual([false, true]);
    const [{ attn_shortcut_Q, mlp_shortcut_Q }] = sliced.layers;
    expect(attn_shortcut_Q && mlp_shortcut_Q).toBeDefined();
    for (const one of [{ attn_shortcut_Q }, { mlp_shortcut_Q }]) {
      const layers = dense.layers.map((layer, i) => (i === 1 ? { ...layer, ...one } : layer));
      expect(isSliced({ ...dense, layers } as typeof dense)).toBe(true);
    }
    const projection = dense.layers[0].attention.q_proj.weight;
    expect(isSliced({ ...dense, embed_tokens: { ...dense.embed_tokens, projection } })).toBe(true);
    expect(isSliced({ ...dense, lm_head: { ...dense.lm_head, projection } })).toBe(true);
  });
});
