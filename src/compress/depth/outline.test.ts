/** What `depth` tells before it runs, and where its text begins. */
import { expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { windowsOf } from '../../../test/support/golden.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import type { ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { withArena } from '../../runtime/arena.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { depthMemory } from './memory.ts';
import { plannedDepth } from './plan.ts';
import { embedded } from './stream.ts';

const tiny = tinyDecoder();

function ofLayers(count: number): ModelOutline {
  const layers = Array.from({ length: count }, (_, index) => {
    const { down_proj } = tiny.layers[0].mlp;
    const weight: WeightOutline = { name: `${index}.down`, shape: down_proj.weight.shape, dtype: 'BF16' };
    const mlp = { ...tiny.layers[0].mlp, down_proj: { ...down_proj, weight } };
    return { ...tiny.layers[0], index, mlp };
  });
  return { ...tiny, config: { ...tiny.config, num_hidden_layers: count }, layers };
}

it('the map goes into the last layer that stays, stored as new weights are; the others stay what they are', () => {
  const types = (replace: 'linear' | 'none') =>
    plannedDepth(ofLayers(5), { drop: 2, replace }).layers.map(({ mlp }) => mlp.down_proj.weight.dtype);
  expect(types('none')).toEqual(['BF16', 'BF16', 'BF16']);
  expect(types('linear').slice(0, 2)).toEqual(['BF16', 'BF16']);
  expect(types('linear')[2]).not.toBe('BF16');
});

it('a linear map waits for the states before as many layers as go', () => {
  const windows = { seqlen: 64, samples: 4, eval_samples: 1 };
  const backend = { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 30 } as const;
  const needed = (drop: number) =>
    depthMemory(ofLayers(9), { drop, replace: 'linear' }, { backend, windows }).breakdown.activations;
  const states = 4 * windows.seqlen * windows.samples * tiny.config.hidden_size;
  for (const drop of [2, 3, 4]) expect(needed(drop + 1) - needed(drop)).toBe(states);
});

it('all windows are read, the first too', async () => {
  const backend = createWasmBackend();
  try {
    const calibration = windowsOf([
      [3, 1, 4, 1],
      [5, 9, 2, 6],
      [5, 3, 5, 8],
    ]);
    await withArena(backend, async (arena) => {
      const context = { backend, calibration, scratch: memoryScratch() };
      const { states, batches } = await embedded(arena, new WeightLoader(arena), tiny, context as never, undefined);
      const rows: number[] = [];
      for (let i = 0; i < batches; i++) {
        const x = await states.take(i);
        const values = await backend.read(x);
        const width = tiny.config.hidden_size;
        for (let row = 0; row < x.shape[0]; row++) rows.push(values[row * width]);
      }
      expect(rows).toHaveLength(12);
      // The same token has the same row: the second and the fourth of the first window, three fives.
      expect(rows[1]).toBe(rows[3]);
      expect([rows[8], rows[10]]).toEqual([rows[4], rows[4]]);
      expect(new Set(rows).size).toBe(8);
    });
  } finally {
    backend.dispose();
  }
});
