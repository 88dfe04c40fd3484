import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { compress, testJob } from '../../test/support/slice_job.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import { modelShape, partSizes } from '../compress/slicegpt/model_shape.ts';
import { slicedParts, totalElements } from '../compress/slicegpt/parts.ts';
import { constantDimensions, type HeadKind } from '../compress/slicegpt/plan.ts';
import { type Precision, quantizedModel } from '../export/precision.ts';
import { modelBytes } from '../models/model_size.ts';
import { nearestPrecision, plannedTotal } from './planned_bytes.ts';

const TEXT = 'One text of some words, of which there are many, for a model that is small. '.repeat(40);
const WINDOWS = { seqlen: 16, samples: 4, eval_samples: 2 };
const SIZES = { hidden_size: 64, intermediate_size: 160 };
const PRECISIONS: readonly Precision[] = ['stored', 'f32', 'f16', 'int8', 'int4'];

const job = async () => testJob(await tinyLlama(SIZES), { calibration: TEXT, evaluation: TEXT }, WINDOWS);

describe('planned bytes are those of the export', () => {
  it.each(PRECISIONS)('of the dense model as %s', async (precision) => {
    const { model } = await job();
    const shape = modelShape(model);
    const planned = plannedTotal(shape, shape.dense, shape.hidden_size, precision, 'dense');
    const held = modelBytes(await quantizedModel(model, precision));
    expect(Math.abs(planned / held - 1)).toBeLessThan(0.02);
    expect(totalElements(shape.dense_bytes!)).toBe(modelBytes(model));
  });

  it.each(['untied', 'sliced', 'tied', 'tied-sliced'] as const)('of a sliced one, head %s', async (head: HeadKind) => {
    const each = await testJob(
      await tinyLlama({ ...SIZES, tied: true } as never),
      { calibration: TEXT, evaluation: TEXT },
      WINDOWS,
    );
    const shape = modelShape(each.model);
    if (!shape.tied && head.startsWith('tied')) return;
    const options = { sparsity: 0.5, round: 8, schedule: 'rotate-once', fusion: 'exact', head } as const;
    const { model } = await compress(createWasmBackend(), each, options);
    const parts = slicedParts(shape, constantDimensions(shape, 32, head), head);
    expect(partSizes(model)).toEqual(parts);
    for (const precision of PRECISIONS) {
      const held = modelBytes(await quantizedModel(model, precision));
      const planned = plannedTotal(shape, parts, 32, precision, head);
      expect(Math.abs(planned / held - 1), precision).toBeLessThan(0.03);
    }
  });
});

it('takes for a quantised model the precision nearest to its own', () => {
  const bits = (each: number) => nearestPrecision({ bytes: each * 125, parameters: 1000 });
  // Q2_K, Q4_0, Q4_1, Q5_0; Q6_K, Q8_0, F8; F16, F32.
  expect([2.6, 4.5, 5, 5.5].map(bits)).toEqual(['int4', 'int4', 'int4', 'int4']);
  expect([6.6, 8.5, 8].map(bits)).toEqual(['int8', 'int8', 'int8']);
  expect([16, 32].map(bits)).toEqual(['stored', 'stored']);
});
