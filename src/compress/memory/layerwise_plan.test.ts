/** What a correction of inputs' linears adds to a pass, by hand; figures against measured ones are in test/recipe_memory.test.ts. */
import { expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { layerwiseMemory } from './recipe_memory.ts';

it('holds the product of a layer’s inputs and of what is missing beside their Gram', () => {
  const model = tinyDecoder();
  const backend = { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 30 } as const;
  const plan = { backend, windows: { seqlen: 2, samples: 1, eval_samples: 1 } };
  // An MLP that is smaller than all else, and next to no text: the Gram before attention is the largest thing.
  const [D, F] = [model.config.hidden_size, 4];
  const layers = model.layers.map((layer) => {
    const small = (linear: typeof layer.mlp.up_proj, shape: number[]) =>
      linear && { ...linear, weight: { ...linear.weight, shape } };
    const { gate_proj, up_proj, down_proj } = layer.mlp;
    const mlp = { ...layer.mlp, up_proj: small(up_proj, [F, D]), down_proj: small(down_proj, [D, F]) };
    return { ...layer, mlp: { ...mlp, ...(gate_proj && { gate_proj: small(gate_proj, [F, D]) }) } };
  });
  const needs = { statistics: ['gram'] as const, model: { ...model, layers }, dense: { ...model, layers } };
  const matrices = (correct?: { ridge: number }) =>
    layerwiseMemory({ ...needs, ...(correct && { correct }) } as never, plan).breakdown.matrices;
  const [queries] = model.layers[0].attention.q_proj.weight.shape;
  expect(matrices({ ridge: 1 }) - matrices()).toBe(4 * D * queries);
});
