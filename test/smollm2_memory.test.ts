/** SmolLM2-135M from its shapes: what its jobs take of a GPU is a small part of what the model would take there whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelShape } from '../src/compress/slicegpt/model_shape.ts';
import { constantDimensions, type HeadKind, type Schedule, sliceDimension } from '../src/compress/slicegpt/plan.ts';
import { estimateJob } from '../src/engine/memory_plan.ts';
import { countParameters } from '../src/models/model_size.ts';
import { type OpenModel, openModel } from '../src/models/open_model.ts';
import { type SparseModel, sparseLlama } from './support/sparse_model.ts';

const D = 576;
const SMOLLM2_135M = {
  vocab_size: 49152,
  hidden_size: D,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  tie_word_embeddings: true,
};
/** Of the bytes of all weights in f32. */
const MOST = 0.35;
const HARDWARE = { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 31 } as const;

describe('a model of 135 million parameters', () => {
  let sparse: SparseModel;
  let opened: OpenModel;
  beforeAll(async () => {
    sparse = await sparseLlama(SMOLLM2_135M);
    opened = await openModel(sparse.files);
  });
  afterAll(() => sparse.remove());

  it.each([
    { schedule: 'sequential', head: 'tied' },
    { schedule: 'sequential', head: 'untied' },
    { schedule: 'rotate-once', head: 'tied' },
  ] as { schedule: Schedule; head: HeadKind }[])(
    'is measured and sliced in 35 % of its f32 size: $schedule, $head',
    ({ schedule, head }) => {
      const bytes = 4 * countParameters(opened.model);
      expect(bytes).toBe(4 * 134_515_008);
      const shape = modelShape(opened.model);
      const dimensions = constantDimensions(shape, sliceDimension(D, 0.25, 8), head);
      for (const backend of [HARDWARE, { ...HARDWARE, isFallbackAdapter: true }]) {
        // The default windows; memory_estimate.test.ts holds the estimate to at least what is measured.
        const windows = { seqlen: 256, samples: 16, eval_samples: 16 };
        const { device_bytes, step } = estimateJob({
          shape,
          backend,
          windows,
          slices: [{ schedule, head, dimensions }],
        });
        expect(device_bytes / bytes, `${step}, software: ${backend.isFallbackAdapter}`).toBeLessThan(MOST);
      }
    },
  );
});
