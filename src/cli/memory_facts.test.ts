import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { modelShape } from '../compress/slicegpt/model_shape.ts';
import { openModel } from '../models/open_model.ts';
import { plannedMemory } from './memory_facts.ts';

const { model } = await openModel(await tinyLlama({ hidden_size: 64, intermediate_size: 160 }));
const shape = modelShape(model);
const backend = {
  kind: 'webgpu',
  vendor: '',
  architecture: '',
  description: '',
  isFallbackAdapter: true,
  maxTensorBytes: 2 ** 30,
} as const;
const slicing = { sparsity: [0.25, 0.5], round: 8, head: 'auto', schedule: 'sequential' } as const;
const windows = { seqlen: 32, samples: 8, eval_samples: 4 };

describe('the memory that a job will need', () => {
  it('is told with its parts, what stands beside it and what goes to storage', () => {
    const lines = plannedMemory({ ...slicing, sparsity: [...slicing.sparsity] }, { shape }, windows, backend);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^memory: at most \d.* of GPU memory, during .*\(.*bases and covariances .*\); beside it the page's own memory .*, storage .*B$/,
    );
    const [onCpu] = plannedMemory({ ...slicing, sparsity: [] }, { shape }, windows, { ...backend, kind: 'cpu' });
    expect(onCpu).toMatch(/of memory for tensors, during perplexity/);
    expect(onCpu).not.toContain('storage');
  });

  it('comes with notes on matrices that are split and calibrations that are too short', () => {
    const small = { ...backend, maxTensorBytes: 4 * 64 * 160 - 4 };
    const short = { ...windows, seqlen: 4, samples: 5 };
    const [, split, tokens] = plannedMemory({ ...slicing, sparsity: [...slicing.sparsity] }, { shape }, short, small);
    expect(split).toMatch(/^note: Matrices of .* are kept in parts\.$/);
    expect(tokens).toMatch(/^note: The calibration has 20 tokens and 48 directions .* in 28 of them\. Raise --samples/);
  });
});
